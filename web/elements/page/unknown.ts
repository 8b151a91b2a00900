import * as Y from 'yjs'

/**
 * What a shared document contains besides the types of a schema: node types, marks,
 * and attributes of any node type.
 */
export interface UnknownTypes {
  /** Node types by what their nodes are: beside text, around text, or around blocks. */
  readonly nodes: Map<string, 'inline' | 'text' | 'blocks'>
  /** Marks, each with the names of its attributes. */
  readonly marks: Map<string, Set<string>>
  /** Attributes that are not declared, by node type. Known node types may have some too. */
  readonly attributes: Map<string, Set<string>>
}

/** The node types of a schema with the names of their attributes, and its marks. */
export interface KnownTypes { readonly nodes: ReadonlyMap<string, ReadonlySet<string>>; readonly marks: ReadonlySet<string> }

/** Finds the unknown types by reading the whole fragment once, in document order. */
export function findUnknown(fragment: Y.XmlFragment, known: KnownTypes): UnknownTypes {
  const unknown: UnknownTypes = { nodes: new Map(), marks: new Map(), attributes: new Map() }
  visit(fragment, known, unknown)
  return unknown
}

/** Reports whether `now` has a node type, mark or attribute that `before` lacks. */
export function hasGrown(before: UnknownTypes, now: UnknownTypes): boolean {
  for (const [type, shape] of now.nodes) if (before.nodes.get(type) !== shape) return true
  return hasMoreNames(before.marks, now.marks) || hasMoreNames(before.attributes, now.attributes)
}

function hasMoreNames(before: Map<string, Set<string>>, now: Map<string, Set<string>>): boolean {
  for (const [type, names] of now) {
    const old = before.get(type)
    if (!old || [...names].some((n) => !old.has(n))) return true
  }
  return false
}

function visit(parent: Y.XmlFragment | Y.XmlElement, known: KnownTypes, unknown: UnknownTypes): void {
  const children = parent.toArray()
  const isBesideText = children.some((c) => c instanceof Y.XmlText)
  for (const child of children) {
    if (child instanceof Y.XmlText) visitText(child, known, unknown)
    else if (child instanceof Y.XmlElement) {
      visitElement(child, isBesideText, known, unknown)
      visit(child, known, unknown)
    }
  }
}

function visitElement(element: Y.XmlElement, isBesideText: boolean, known: KnownTypes, unknown: UnknownTypes): void {
  const type = element.nodeName
  for (const name of Object.keys(element.getAttributes())) {
    if (known.nodes.get(type)?.has(name)) continue
    const names = unknown.attributes.get(type) ?? new Set()
    unknown.attributes.set(type, names.add(name))
  }
  if (known.nodes.has(type)) return
  const shape = isBesideText ? 'inline' : element.toArray().some((c) => c instanceof Y.XmlText) ? 'text' : 'blocks'
  // An empty node looks like one around blocks; a later node with text decides.
  if (!unknown.nodes.has(type) || shape !== 'blocks') unknown.nodes.set(type, shape)
}

function visitText(text: Y.XmlText, known: KnownTypes, unknown: UnknownTypes): void {
  for (const op of text.toDelta() as { attributes?: Record<string, unknown> }[]) {
    for (const [key, value] of Object.entries(op.attributes ?? {})) {
      const mark = key.replace(/--[A-Za-z0-9+/=]{8}$/u, '') // y-prosemirror's suffix for marks of one type that overlap
      if (known.marks.has(mark)) continue
      const names = unknown.marks.get(mark) ?? new Set()
      if (typeof value === 'object' && value !== null) for (const name of Object.keys(value)) names.add(name)
      unknown.marks.set(mark, names)
    }
  }
}
