import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { findUnknown, hasGrown } from './unknown.ts'

const known = { nodes: new Map([['paragraph', new Set<string>()], ['heading', new Set(['level'])]]), marks: new Set(['bold']) }
const element = (name: string, attributes: Record<string, string> = {}, ...children: (Y.XmlElement | Y.XmlText)[]): Y.XmlElement => {
  const e = new Y.XmlElement(name)
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v)
  e.insert(0, children)
  return e
}
const marked = (text: string, marks: Record<string, unknown>): Y.XmlText => {
  const t = new Y.XmlText()
  t.insert(0, text, marks)
  return t
}

describe('the search for unknown types', () => {
  it('finds nothing in a document that fits the schema', () => {
    const fragment = new Y.Doc().getXmlFragment('default')
    fragment.insert(0, [element('heading', { level: '2' }, marked('a', { bold: {} }))])
    const unknown = findUnknown(fragment, known)
    expect([unknown.nodes.size, unknown.marks.size, unknown.attributes.size]).toEqual([0, 0, 0])
  })

  it('finds unknown nodes with their shape, marks and attributes', () => {
    const fragment = new Y.Doc().getXmlFragment('default')
    fragment.insert(0, [
      element('table', { width: '3' }, element('row', {}, element('cell', {}, element('paragraph', { align: 'end' })))),
      element('summary', {}, new Y.XmlText('s')),
      element('paragraph', {}, marked('x', { 'glow--YWJjZGVm': { tint: 'red' } }), element('emoji', { name: 'tada' })),
    ])
    const unknown = findUnknown(fragment, known)
    expect([...unknown.nodes]).toEqual([['table', 'blocks'], ['row', 'blocks'], ['cell', 'blocks'], ['summary', 'text'], ['emoji', 'inline']])
    expect([...unknown.marks]).toEqual([['glow', new Set(['tint'])]])
    expect(unknown.attributes.get('paragraph')).toEqual(new Set(['align']))
    expect(hasGrown(unknown, findUnknown(fragment, known))).toBe(false)
    fragment.insert(0, [element('figure')])
    expect(hasGrown(unknown, findUnknown(fragment, known))).toBe(true)
  })
})
