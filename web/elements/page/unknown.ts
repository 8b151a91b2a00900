import * as Y from 'yjs'

/**
 * What a shared document holds beyond our schema: foreign node types by what
 * stands in them, foreign marks, and attributes of any node that we do not
 * declare.
 */
export interface Found {
  readonly nodes: Map<string, 'inline' | 'text' | 'blocks'>
  /** Each with the names of its attributes. */
  readonly marks: Map<string, Set<string>>
  readonly attributes: Map<string, Set<string>>
}

/** Our node types with the names of their attributes, and our marks. */
export interface Known { readonly nodes: ReadonlyMap<string, ReadonlySet<string>>; readonly marks: ReadonlySet<string> }

/** Reads the whole fragment once, in document order. */
export function survey(fragment: Y.XmlFragment, known: Known): Found {
  const found: Found = { nodes: new Map(), marks: new Map(), attributes: new Map() }
  visit(fragment, known, found)
  return found
}

/** Tells whether now holds a type, mark or attribute that before did not. */
export function grew(before: Found, now: Found): boolean {
  for (const [type, shape] of now.nodes) if (before.nodes.get(type) !== shape) return true
  return wider(before.marks, now.marks) || wider(before.attributes, now.attributes)
}

function wider(before: Map<string, Set<string>>, now: Map<string, Set<string>>): boolean {
  for (const [type, names] of now) {
    const had = before.get(type)
    if (!had || [...names].some((n) => !had.has(n))) return true
  }
  return false
}

function visit(parent: Y.XmlFragment | Y.XmlElement, known: Known, found: Found): void {
  const children = parent.toArray()
  const besideText = children.some((c) => c instanceof Y.XmlText)
  for (const child of children) {
    if (child instanceof Y.XmlText) visitText(child, known, found)
    else if (child instanceof Y.XmlElement) {
      note(child, besideText, known, found)
      visit(child, known, found)
    }
  }
}

function note(element: Y.XmlElement, besideText: boolean, known: Known, found: Found): void {
  const type = element.nodeName
  for (const name of Object.keys(element.getAttributes())) {
    if (known.nodes.get(type)?.has(name)) continue
    const names = found.attributes.get(type) ?? new Set()
    found.attributes.set(type, names.add(name))
  }
  if (known.nodes.has(type)) return
  const shape = besideText ? 'inline' : element.toArray().some((c) => c instanceof Y.XmlText) ? 'text' : 'blocks'
  // An empty one tells nothing; one with text settles it.
  if (!found.nodes.has(type) || shape !== 'blocks') found.nodes.set(type, shape)
}

function visitText(text: Y.XmlText, known: Known, found: Found): void {
  for (const op of text.toDelta() as { attributes?: Record<string, unknown> }[]) {
    for (const [key, value] of Object.entries(op.attributes ?? {})) {
      const mark = key.replace(/--[A-Za-z0-9+/=]{8}$/u, '') // y-prosemirror's suffix for marks that overlap
      if (known.marks.has(mark)) continue
      const names = found.marks.get(mark) ?? new Set()
      if (typeof value === 'object' && value !== null) for (const name of Object.keys(value)) names.add(name)
      found.marks.set(mark, names)
    }
  }
}
