import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { locateQuote, quoteOf } from '../src/quote.ts'
import type { Quote } from '../src/types.ts'

const field = 'default'

/** A document with a paragraph for each text, as y-prosemirror writes them. */
function page(...paragraphs: string[]) {
  const doc = new Y.Doc()
  const root = doc.getXmlFragment(field)
  const texts = paragraphs.map((words) => {
    const p = new Y.XmlElement('paragraph')
    const t = new Y.XmlText(words)
    p.insert(0, [t])
    root.insert(root.length, [p])
    return t
  })
  return { doc, root, texts }
}

function quoted(p: ReturnType<typeof page>, words: string): Quote {
  const type = p.texts.find((t) => t.toString().includes(words))!
  const index = type.toString().indexOf(words)
  return quoteOf(p.doc, field, { type, index }, { type, index: index + words.length })!
}

const state = (p: { doc: Y.Doc }, q: Quote): string | undefined => locateQuote(p.doc, q)?.state

describe('a quote', () => {
  test('says what was quoted, under which heading, and where in base64', () => {
    const p = page('A cell membrane is not a wall.', 'It is fluid.')
    const q = quoteOf(p.doc, field, { type: p.texts[0]!, index: 2 }, { type: p.texts[1]!, index: 5 }, 'Membranes')!
    expect(q).toMatchObject({ text: 'cell membrane is not a wall.\nIt is', field, heading: 'Membranes' })
    expect(Y.decodeRelativePosition(Buffer.from(q['start'] as string, 'base64')).item).toEqual(p.texts[0]!._first!.id.clock === undefined ? null : Y.createID(p.doc.clientID, p.texts[0]!._first!.id.clock + 2))
    expect(state(p, q)).toBe('live')
  })

  test('of nothing is none', () => {
    const p = page('a b')
    expect(quoteOf(p.doc, field, { type: p.texts[0]!, index: 1 }, { type: p.texts[0]!, index: 2 })).toBeUndefined()
    expect(quoteOf(p.doc, field, { type: p.texts[0]!, index: 1 }, { type: p.texts[0]!, index: 1 })).toBeUndefined()
  })

  test('follows its words through edits around them', () => {
    const p = page('A cell membrane is not a wall.')
    const q = quoted(p, 'membrane')
    const [text] = p.texts as [Y.XmlText]
    text.insert(0, 'Remember: ')
    text.insert(text.toString().indexOf('membrane'), 'plasma ')
    text.insert(text.toString().indexOf('membrane') + 8, 's')
    p.root.insert(0, [new Y.XmlElement('paragraph')])
    const place = locateQuote(p.doc, q)!
    expect(place.state).toBe('live')
    expect(text.toString().slice(place.start!.index, place.end!.index)).toBe('membrane')
    text.format(place.start!.index, 4, { bold: {} })
    expect(state(p, q)).toBe('live')
  })

  test('is changed by edits within, and gone with its words', () => {
    const p = page('A cell membrane is not a wall.')
    const q = quoted(p, 'cell membrane')
    const [text] = p.texts as [Y.XmlText]
    text.insert(7, 'mosaic ')
    expect(state(p, q)).toBe('changed')
    text.delete(2, 20)
    expect(state(p, q)).toBe('gone')
    p.root.delete(0, 1)
    expect(state(p, q)).toBe('gone')
  })

  test('is found where its words were moved, if they stand there alone', () => {
    const p = page('A cell membrane is not a wall.', 'x')
    const q = quoted(p, 'cell membrane')
    p.root.delete(0, 1)
    p.texts[1]!.insert(0, 'A cell membrane again: ')
    expect(locateQuote(p.doc, q)).toMatchObject({ state: 'live', start: { index: 2 }, end: { index: 15 } })
    p.texts[1]!.insert(0, 'cell membrane ')
    expect(state(p, q)).toBe('gone')
  })

  test('is pending while its part of the document is not here', () => {
    const p = page('A cell membrane is not a wall.')
    const q = quoted(p, 'cell')
    const other = { doc: new Y.Doc() }
    expect(state(other, q)).toBe('pending')
    other.doc.getXmlFragment(field)
    expect(state(other, q)).toBe('pending')
    Y.applyUpdate(other.doc, Y.encodeStateAsUpdate(p.doc))
    expect(state(other, q)).toBe('live')
  })

  test('that names no place, or nonsense, breaks nothing', () => {
    const { doc } = page('x')
    const bad: Quote[] = [{}, { text: 'x' }, { field, start: '!' }, { field, start: '' }, { field, start: 'AAAA', end: '////' }, { field: 'toString', start: 'AQE=' }, { field: 7, start: 'AA==' }]
    for (const q of bad) expect(['pending', 'gone', undefined]).toContain(state({ doc }, q))
  })
})
