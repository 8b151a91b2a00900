import { baseKeymap, chainCommands, createParagraphNear, exitCode, lift, liftEmptyBlock, newlineInCode, selectNodeBackward, setBlockType, splitBlock, toggleMark, wrapIn } from 'prosemirror-commands'
import { undoInputRule } from 'prosemirror-inputrules'
import { keymap } from 'prosemirror-keymap'
import type { NodeType, Schema } from 'prosemirror-model'
import { liftListItem, sinkListItem, splitListItem, wrapInList } from 'prosemirror-schema-list'
import type { Command, Plugin } from 'prosemirror-state'
import { redoCommand, undoCommand } from 'y-prosemirror'
import { markType, nodeType } from './types.ts'

/** The key bindings of the page. Tab indents in lists and code; elsewhere it moves the focus out of the page. */
export function pageKeys(schema: Schema): Plugin[] {
  const list = nodeType(schema, 'listItem')
  const task = nodeType(schema, 'taskItem')
  const mark = (name: string): Command => toggleMark(markType(schema, name))
  const hardBreak: Command = chainCommands(exitCode, (state, dispatch) => {
    dispatch?.(state.tr.replaceSelectionWith(nodeType(schema, 'hardBreak').create()).scrollIntoView())
    return true
  })
  const bindings: Record<string, Command> = {
    'Mod-z': undoCommand, 'Mod-y': redoCommand, 'Shift-Mod-z': redoCommand,
    'Mod-b': mark('bold'), 'Mod-i': mark('italic'), 'Mod-u': mark('underline'), 'Mod-e': mark('code'),
    'Mod-Shift-x': mark('strike'), 'Mod-Shift-h': mark('highlight'),
    'Mod-Alt-0': setBlockType(nodeType(schema, 'paragraph')),
    'Mod-Alt-c': setBlockType(nodeType(schema, 'codeBlock')),
    'Mod-Shift-7': wrapInList(nodeType(schema, 'orderedList')),
    'Mod-Shift-8': wrapInList(nodeType(schema, 'bulletList')),
    'Mod-Shift-9': wrapInList(nodeType(schema, 'taskList')),
    'Mod-Shift-b': wrapIn(nodeType(schema, 'blockquote')),
    'Mod-Enter': toggleTask,
    'Shift-Enter': hardBreak,
    Enter: chainCommands(newlineInCode, splitOrLeaveItem(list), splitOrLeaveItem(task), splitListItem(list), splitListItem(task, { checked: false }), createParagraphNear, liftEmptyBlock, splitBlock),
    Tab: chainCommands(sinkListItem(list), sinkListItem(task), indentCode),
    'Shift-Tab': chainCommands(liftListItem(list), liftListItem(task)),
    Backspace: chainCommands(undoInputRule, turnIntoParagraph, liftOutOfBlock(schema)),
    Escape: blur,
  }
  for (const level of [1, 2, 3]) bindings[`Mod-Alt-${level}`] = setBlockType(nodeType(schema, 'heading'), { level })
  return [keymap(bindings), keymap({ ...baseKeymap, Delete: baseKeymap['Delete'] ?? selectNodeBackward })]
}

/** Backspace at the start of a heading or code block turns it into a paragraph. */
const turnIntoParagraph: Command = (state, dispatch) => {
  const { $from, empty } = state.selection
  const { name } = $from.parent.type
  if (!empty || $from.parentOffset > 0 || (name !== 'heading' && name !== 'codeBlock')) return false
  return setBlockType(nodeType(state.schema, 'paragraph'))(state, dispatch)
}

/** Backspace at the start of a list item or quote moves the paragraph out of it. */
function liftOutOfBlock(schema: Schema): Command {
  return (state, dispatch) => {
    const { $from, empty } = state.selection
    if (!empty || $from.parentOffset > 0 || $from.depth < 2 || $from.index($from.depth - 1) > 0) return false
    const parent = $from.node($from.depth - 1).type
    if (parent === schema.nodes['listItem'] || parent === schema.nodes['taskItem']) return liftListItem(parent)(state, dispatch)
    return parent === schema.nodes['blockquote'] ? lift(state, dispatch) : false
  }
}

/**
 * Enter in an empty paragraph at the end of a list item. The only paragraph of an
 * item moves one level out; any other becomes an item of its own. splitListItem
 * would make an item without a paragraph, because this schema allows that.
 */
function splitOrLeaveItem(type: NodeType): Command {
  return (state, dispatch) => {
    const { $from, empty } = state.selection
    const item = $from.depth > 1 ? $from.node(-1) : null
    if (!empty || !item || item.type !== type || $from.parent.content.size > 0 || $from.indexAfter(-1) < item.childCount) return false
    if (item.childCount === 1) return liftListItem(type)(state, dispatch)
    dispatch?.(state.tr.split($from.before(), 1, [{ type }]).scrollIntoView())
    return true
  }
}

/** Mod-Enter ticks the task that the caret is in; in code it leaves the block. */
const toggleTask: Command = (state, dispatch) => {
  const { $from } = state.selection
  for (let depth = $from.depth; depth > 0; depth--) {
    const node = $from.node(depth)
    if (node.type.name !== 'taskItem') continue
    dispatch?.(state.tr.setNodeAttribute($from.before(depth), 'checked', node.attrs['checked'] !== true))
    return true
  }
  return exitCode(state, dispatch)
}

/** Tab in a code block. */
const indentCode: Command = (state, dispatch) => {
  if (!state.selection.$from.parent.type.spec.code) return false
  dispatch?.(state.tr.insertText('  '))
  return true
}

/** Escape takes the focus off the page, so that the next Tab moves on, in lists too: there is no keyboard trap. */
const blur: Command = (_state, _dispatch, view) => {
  if (!view || view.composing) return false
  view.dom.blur()
  return true
}
