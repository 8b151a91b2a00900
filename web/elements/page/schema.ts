import { Schema, type MarkSpec, type Node, type NodeSpec } from 'prosemirror-model'
import { page as text } from '../text/index.ts'
import type { KnownTypes, UnknownTypes } from './unknown.ts'

/** The name of the XML fragment with the text, in the Yjs document. Tiptap has the same default. */
export const field = 'default'

/**
 * The page's nodes have the names of Tiptap's StarterKit, so that a host's own
 * editor can open the same document.
 *
 * Content is `*` (may be empty) where possible. Two edits that are valid by
 * themselves may merge into a parent without children, and y-prosemirror deletes
 * nodes that the schema does not allow, for every peer.
 */
const nodes: Record<string, NodeSpec> = {
  doc: { content: 'block+' },
  paragraph: { group: 'block', content: 'inline*', parseDOM: [{ tag: 'p' }], toDOM: () => ['p', { dir: 'auto' }, 0] },
  heading: {
    group: 'block', content: 'inline*', defining: true, attrs: { level: { default: 1 } },
    parseDOM: [1, 2, 3, 4, 5, 6].map((level) => ({ tag: `h${level}`, attrs: { level: Math.min(level, 3) } })),
    toDOM: (node) => [`h${clamp(node.attrs['level'])}`, { dir: 'auto' }, 0],
  },
  bulletList: { group: 'block list', content: 'listItem*', parseDOM: [{ tag: 'ul' }], toDOM: () => ['ul', 0] },
  orderedList: {
    group: 'block list', content: 'listItem*', attrs: { start: { default: 1 } },
    parseDOM: [{ tag: 'ol', getAttrs: (dom) => ({ start: Number(dom.getAttribute('start') ?? 1) || 1 }) }],
    toDOM: (node) => ['ol', node.attrs['start'] === 1 ? {} : { start: String(node.attrs['start']) }, 0],
  },
  listItem: { content: 'block*', defining: true, parseDOM: [{ tag: 'li' }], toDOM: () => ['li', 0] },
  taskList: {
    group: 'block list', content: 'taskItem*',
    parseDOM: [{ tag: 'ul[data-type="taskList"]', priority: 60 }], toDOM: () => ['ul', { 'data-type': 'taskList' }, 0],
  },
  taskItem: {
    content: 'block*', defining: true, attrs: { checked: { default: false } },
    parseDOM: [{ tag: 'li[data-type="taskItem"]', priority: 60, getAttrs: (dom) => ({ checked: dom.dataset['checked'] === 'true' }) }],
    toDOM: taskItem,
  },
  blockquote: { group: 'block', content: 'block*', defining: true, parseDOM: [{ tag: 'blockquote' }], toDOM: () => ['blockquote', 0] },
  codeBlock: {
    group: 'block', content: 'text*', marks: '', code: true, defining: true, attrs: { language: { default: null } },
    parseDOM: [{ tag: 'pre', preserveWhitespace: 'full' }],
    toDOM: () => ['pre', { dir: 'ltr', spellcheck: 'false' }, ['code', 0]],
  },
  horizontalRule: { group: 'block', parseDOM: [{ tag: 'hr' }], toDOM: () => ['hr'] },
  text: { group: 'inline' },
  hardBreak: { group: 'inline', inline: true, selectable: false, parseDOM: [{ tag: 'br' }], toDOM: () => ['br'], leafText: () => '\n' },
  mention: {
    group: 'inline', inline: true, atom: true, attrs: { id: { default: null }, label: { default: null } },
    parseDOM: [{ tag: 'span[data-type="mention"]', getAttrs: (dom) => ({ id: dom.dataset['id'] ?? null, label: dom.dataset['label'] ?? null }) }],
    toDOM: (node) => ['span', { 'data-type': 'mention', 'data-id': String(node.attrs['id'] ?? ''), 'data-label': mentionName(node), class: 'weft-mention' }, `@${mentionName(node)}`],
    leafText: (node) => `@${mentionName(node)}`,
  },
}

const marks: Record<string, MarkSpec> = {
  link: {
    inclusive: false, attrs: { href: {}, target: { default: '_blank' }, rel: { default: 'noopener noreferrer nofollow' } },
    parseDOM: [{ tag: 'a[href]', getAttrs: (dom) => safeHref(dom.getAttribute('href') ?? '') === null ? false : { href: dom.getAttribute('href') } }],
    toDOM: (mark) => ['a', { href: safeHref(String(mark.attrs['href'])) ?? '#', target: '_blank', rel: 'noopener noreferrer nofollow' }, 0],
  },
  bold: { parseDOM: [{ tag: 'strong' }, { tag: 'b', getAttrs: (dom) => dom.style.fontWeight !== 'normal' && null }, { style: 'font-weight=bold' }], toDOM: () => ['strong', 0] },
  italic: { parseDOM: [{ tag: 'em' }, { tag: 'i' }, { style: 'font-style=italic' }], toDOM: () => ['em', 0] },
  strike: { parseDOM: [{ tag: 's' }, { tag: 'del' }, { style: 'text-decoration=line-through' }], toDOM: () => ['s', 0] },
  underline: { parseDOM: [{ tag: 'u' }, { style: 'text-decoration=underline' }], toDOM: () => ['u', 0] },
  highlight: { parseDOM: [{ tag: 'mark' }], toDOM: () => ['mark', 0] },
  code: { code: true, parseDOM: [{ tag: 'code' }], toDOM: () => ['code', { spellcheck: 'false' }, 0] },
}

/**
 * Returns the schema with the unknown types of a document added. Unknown nodes and
 * marks are shown without a meaning, and unknown attributes are kept. Without
 * this, y-prosemirror would delete them from the shared document, for everybody.
 */
export function schemaFor(unknown: UnknownTypes): Schema {
  const allNodes: Record<string, NodeSpec> = {}
  for (const [type, spec] of Object.entries(nodes)) allNodes[type] = withAttributes(spec, unknown.attributes.get(type))
  for (const [type, shape] of unknown.nodes) {
    allNodes[type] = withAttributes(shape === 'inline'
      ? { group: 'inline', inline: true, atom: true, toDOM: () => ['span', { class: 'weft-unknown', title: type }, '\u25a1'] }
      : {
          group: 'block', content: shape === 'text' ? 'inline*' : 'block*', isolating: true,
          toDOM: () => ['div', { class: 'weft-unknown', 'data-type': type }, 0],
        }, unknown.attributes.get(type))
  }
  const allMarks: Record<string, MarkSpec> = { ...marks }
  for (const [type, names] of unknown.marks) {
    allMarks[type] = { attrs: Object.fromEntries([...names].map((n) => [n, { default: null }])), toDOM: () => ['span', { 'data-mark': type }, 0] }
  }
  return new Schema({ nodes: allNodes, marks: allMarks })
}

/** The types of the schema before unknown ones are added. */
export const knownTypes: KnownTypes = {
  nodes: new Map(Object.entries(nodes).map(([type, spec]) => [type, new Set(Object.keys(spec.attrs ?? {}))])),
  marks: new Set(Object.keys(marks)),
}

/** Returns the address if its scheme is http, https, mailto or tel, else null: javascript: and data: can run code. */
export function safeHref(href: string): string | null {
  try {
    const { protocol } = new URL(href, 'https://weft.invalid')
    return ['http:', 'https:', 'mailto:', 'tel:'].includes(protocol) ? href : null
  } catch {
    return null
  }
}

/** Adds attributes to a node type, with the default null. */
function withAttributes(spec: NodeSpec, names: ReadonlySet<string> | undefined): NodeSpec {
  if (!names || names.size === 0) return spec
  const extra = Object.fromEntries([...names].map((n) => [n, { default: null }]))
  return { ...spec, attrs: { ...extra, ...spec.attrs } }
}

/** The DOM of a task: a list item with a checkbox; surface.ts handles its changes. */
function taskItem(node: Node): { dom: HTMLElement; contentDOM: HTMLElement } {
  const dom = document.createElement('li')
  dom.dataset['type'] = 'taskItem'
  dom.dataset['checked'] = String(node.attrs['checked'] === true)
  const box = document.createElement('input')
  box.type = 'checkbox'
  box.checked = node.attrs['checked'] === true
  box.contentEditable = 'false'
  box.setAttribute('aria-label', text.taskDone)
  const contentDOM = document.createElement('div')
  dom.append(box, contentDOM)
  return { dom, contentDOM }
}

const mentionName = (node: Node): string => String(node.attrs['label'] ?? node.attrs['id'] ?? '')
const clamp = (level: unknown): number => Math.min(Math.max(Number(level) || 1, 1), 3)
