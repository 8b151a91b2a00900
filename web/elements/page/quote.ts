import { locateQuote, quoteOf, type DocPoint, type Quote, type QuoteState } from '@weft/sdk'
import { absolutePositionToRelativePosition, relativePositionToAbsolutePosition } from 'y-prosemirror'
import type { EditorView } from 'prosemirror-view'
import * as Y from 'yjs'
import { bound } from './cursor.ts'
import { field } from './schema.ts'

/** The selected text as a quote; undefined if none is selected. */
export function quoteOfSelection(view: EditorView): Quote | undefined {
  const { from, to, empty } = view.state.selection
  const here = bound(view)
  if (empty || !here?.binding) return undefined
  const point = (pos: number): DocPoint | null =>
    Y.createAbsolutePositionFromRelativePosition(absolutePositionToRelativePosition(pos, here.type, here.binding?.mapping as never), here.doc)
  const [start, end] = [point(from), point(to)]
  return start && end ? quoteOf(here.doc, field, start, end, headingAbove(view, from)) : undefined
}

/** Where a quote stands in the view's positions, if it still stands anywhere. */
export function findQuote(view: EditorView, quote: Quote): { readonly state: QuoteState; readonly from: number; readonly to: number } | undefined {
  const here = bound(view)
  const place = here?.binding ? locateQuote(here.doc, quote) : undefined
  if (!here || !place?.start || !place.end) return undefined
  const pos = (p: DocPoint): number | null =>
    relativePositionToAbsolutePosition(here.doc, here.type, Y.createRelativePositionFromTypeIndex(p.type, p.index), here.binding?.mapping as never)
  const [from, to] = [pos(place.start), pos(place.end)]
  if (from === null || to === null) return undefined
  const end = view.state.doc.content.size
  return { state: place.state, from: Math.min(from, end), to: Math.min(Math.max(from, to), end) }
}

function headingAbove(view: EditorView, pos: number): string {
  let text = ''
  view.state.doc.forEach((node, offset) => {
    if (offset < pos && node.type.name === 'heading') text = node.textContent
  })
  return text
}
