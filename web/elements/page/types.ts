import type { MarkType, NodeType, Schema } from 'prosemirror-model'

/** A node type of the page's schema; asking for another is our own mistake. */
export function nodeType(schema: Schema, name: string): NodeType {
  const type = schema.nodes[name]
  if (!type) throw new Error(`the schema has no node ${name}`)
  return type
}

export function markType(schema: Schema, name: string): MarkType {
  const type = schema.marks[name]
  if (!type) throw new Error(`the schema has no mark ${name}`)
  return type
}
