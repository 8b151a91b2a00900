import { InputRule, inputRules, textblockTypeInputRule, wrappingInputRule } from 'prosemirror-inputrules'
import type { MarkType, Schema } from 'prosemirror-model'
import type { Plugin } from 'prosemirror-state'
import { nodeType, markType } from './types.ts'

/** What Markdown typed by hand becomes. One Backspace gives the characters back. */
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
      rule(schema),
      marked(/(?:^|[\s(])(\*\*([^*\s](?:[^*]*[^*\s])?)\*\*)$/u, markType(schema, 'bold')),
      marked(/(?:^|[\s(])(__([^_\s](?:[^_]*[^_\s])?)__)$/u, markType(schema, 'bold')),
      marked(/(?:^|[\s(])(\*([^*\s](?:[^*]*[^*\s])?)\*)$/u, markType(schema, 'italic')),
      marked(/(?:^|[\s(])(_([^_\s](?:[^_]*[^_\s])?)_)$/u, markType(schema, 'italic')),
      marked(/(~~([^~]+)~~)$/u, markType(schema, 'strike')),
      marked(/(==([^=]+)==)$/u, markType(schema, 'highlight')),
      marked(/(`([^`]+)`)$/u, markType(schema, 'code')),
      autolink(markType(schema, 'link')),
    ],
  })
}

/** `match[1]` is what stands in the text with its signs, `match[2]` what stays. */
function marked(pattern: RegExp, mark: MarkType): InputRule {
  return new InputRule(pattern, (state, match, _from, to) => {
    const [, whole, inner] = match
    if (whole === undefined || inner === undefined) return null
    // The last sign is being typed and is not in the document yet.
    const from = to - (whole.length - 1)
    const open = whole.indexOf(inner)
    const close = whole.length - open - inner.length
    const tr = state.tr
    if (close > 1) tr.delete(to - (close - 1), to)
    tr.delete(from, from + open)
    tr.addMark(from, from + inner.length, mark.create())
    return tr.removeStoredMark(mark)
  })
}

function rule(schema: Schema): InputRule {
  return new InputRule(/^(?:---|\*\*\*)$/u, (state, _match, from, to) => {
    const $from = state.doc.resolve(from)
    if ($from.parent.type !== schema.nodes['paragraph']) return null
    return state.tr.delete(from, to).insert($from.before(), nodeType(schema, 'horizontalRule').create())
  })
}

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
