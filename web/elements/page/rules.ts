import { InputRule, inputRules, textblockTypeInputRule, wrappingInputRule } from 'prosemirror-inputrules'
import type { MarkType, Schema } from 'prosemirror-model'
import type { Plugin } from 'prosemirror-state'
import { nodeType, markType } from './types.ts'

/** Turns typed Markdown into nodes and marks. One Backspace brings the typed characters back. */
export function markdownRules(schema: Schema): Plugin {
  return inputRules({
    rules: [
      textblockTypeInputRule(/^(#{1,3})\s$/u, nodeType(schema, 'heading'), (m) => ({ level: m[1]?.length ?? 1 })),
      textblockTypeInputRule(/^```([a-z0-9+#-]*)\s$/u, nodeType(schema, 'codeBlock'), (m) => ({ language: m[1] || null })),
      wrappingInputRule(/^\s*([-+*])\s$/u, nodeType(schema, 'bulletList')),
      wrappingInputRule(/^(\d+)[.)]\s$/u, nodeType(schema, 'orderedList'),
        (m) => ({ start: Number(m[1]) }), (m, node) => node.childCount + Number(node.attrs['start']) === Number(m[1])),
      wrappingInputRule(/^\s*\[([ xX]?)\]\s$/u, nodeType(schema, 'taskItem'), (m) => ({ checked: /x/iu.test(m[1] ?? '') })),
      wrappingInputRule(/^\s*>\s$/u, nodeType(schema, 'blockquote')),
      horizontalRule(schema),
      markRule(/(?:^|[\s(])(\*\*([^*\s](?:[^*]*[^*\s])?)\*\*)$/u, markType(schema, 'bold')),
      markRule(/(?:^|[\s(])(__([^_\s](?:[^_]*[^_\s])?)__)$/u, markType(schema, 'bold')),
      markRule(/(?:^|[\s(])(\*([^*\s](?:[^*]*[^*\s])?)\*)$/u, markType(schema, 'italic')),
      markRule(/(?:^|[\s(])(_([^_\s](?:[^_]*[^_\s])?)_)$/u, markType(schema, 'italic')),
      markRule(/(~~([^~]+)~~)$/u, markType(schema, 'strike')),
      markRule(/(==([^=]+)==)$/u, markType(schema, 'highlight')),
      markRule(/(`([^`]+)`)$/u, markType(schema, 'code')),
      autolink(markType(schema, 'link')),
    ],
  })
}

/**
 * Replaces text between delimiters by text with a mark. The first group of the
 * pattern is the text with its delimiters, the second the text without.
 */
function markRule(pattern: RegExp, mark: MarkType): InputRule {
  return new InputRule(pattern, (state, match, _from, to) => {
    const [, whole, inner] = match
    if (whole === undefined || inner === undefined) return null
    // The last character is being typed and is not in the document yet.
    const from = to - (whole.length - 1)
    const openLength = whole.indexOf(inner)
    const closeLength = whole.length - openLength - inner.length
    const tr = state.tr
    if (closeLength > 1) tr.delete(to - (closeLength - 1), to)
    tr.delete(from, from + openLength)
    tr.addMark(from, from + inner.length, mark.create())
    return tr.removeStoredMark(mark)
  })
}

/** `---` or `***` in a paragraph becomes a horizontal rule. */
function horizontalRule(schema: Schema): InputRule {
  return new InputRule(/^(?:---|\*\*\*)$/u, (state, _match, from, to) => {
    const $from = state.doc.resolve(from)
    if ($from.parent.type !== schema.nodes['paragraph']) return null
    return state.tr.delete(from, to).insert($from.before(), nodeType(schema, 'horizontalRule').create())
  })
}

/** An address becomes a link when a space is typed after it. */
function autolink(link: MarkType): InputRule {
  return new InputRule(/(?:^|\s)((?:https?:\/\/|www\.)[^\s<>"]+[^\s<>".,;:!?)\]'])\s$/u, (state, match, _from, to) => {
    const address = match[1]
    if (address === undefined) return null
    const from = to - address.length
    if (state.doc.rangeHasMark(from, to, link)) return null
    const href = address.startsWith('www.') ? `https://${address}` : address
    return state.tr.addMark(from, to, link.create({ href })).insertText(' ', to).removeStoredMark(link)
  })
}
