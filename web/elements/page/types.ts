import type { MarkType, NodeType, Schema } from 'prosemirror-model'

/** Returns a node type of a schema. It throws if there is none of the name, which is a mistake in the caller. */
export function nodeType(schema: Schema, name: string): NodeType {
  const type = schema.nodes[name]
  if (!type) throw new Error(`weft: the schema has no node type ${name}`)
  return type
}

/** Returns a mark type of a schema. It throws if there is none of the name, which is a mistake in the caller. */
export function markType(schema: Schema, name: string): MarkType {
  const type = schema.marks[name]
  if (!type) throw new Error(`weft: the schema has no mark type ${name}`)
  return type
}
