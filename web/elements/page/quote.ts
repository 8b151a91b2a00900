import { locateQuote, quoteOf, type DocPoint, type Quote, type QuoteState } from '@weft/sdk'
import { absolutePositionToRelativePosition, relativePositionToAbsolutePosition } from 'y-prosemirror'
import type { EditorView } from 'prosemirror-view'
import * as Y from 'yjs'
import { syncStateOf } from './cursor.ts'
import { field } from './schema.ts'

/** Returns the selected text as a quote; undefined if no text is selected. */
export function quoteOfSelection(view: EditorView): Quote | undefined {
  const { from, to, empty } = view.state.selection
  const sync = syncStateOf(view)
  if (empty || !sync?.binding) return undefined
  const toPoint = (position: number): DocPoint | null =>
    Y.createAbsolutePositionFromRelativePosition(absolutePositionToRelativePosition(position, sync.type, sync.binding?.mapping as never), sync.doc)
  const [start, end] = [toPoint(from), toPoint(to)]
  return start && end ? quoteOf(sync.doc, field, start, end, headingAbove(view, from)) : undefined
}

/** Returns where a quoted text is, in positions of the ProseMirror document; undefined if it was deleted. */
export function findQuote(view: EditorView, quote: Quote): { readonly state: QuoteState; readonly from: number; readonly to: number } | undefined {
  const sync = syncStateOf(view)
  const located = sync?.binding ? locateQuote(sync.doc, quote) : undefined
  if (!sync || !located?.start || !located.end) return undefined
  const toPosition = (p: DocPoint): number | null =>
    relativePositionToAbsolutePosition(sync.doc, sync.type, Y.createRelativePositionFromTypeIndex(p.type, p.index), sync.binding?.mapping as never)
  const [from, to] = [toPosition(located.start), toPosition(located.end)]
  if (from === null || to === null) return undefined
  const end = view.state.doc.content.size
  return { state: located.state, from: Math.min(from, end), to: Math.min(Math.max(from, to), end) }
}

/** The text of the last heading before a position; empty if there is none. */
function headingAbove(view: EditorView, position: number): string {
  let text = ''
  view.state.doc.forEach((node, offset) => {
    if (offset < position && node.type.name === 'heading') text = node.textContent
  })
  return text
}
