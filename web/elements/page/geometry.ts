import type { EditorView } from 'prosemirror-view'
import type { CaretPosition } from './cursor.ts'

/**
 * The top edge, in the viewport, of the nearest ancestor that cuts off what
 * overflows it; 0 if none does. Labels that would be above it go below.
 */
export function clipTop(element: Element): number {
  for (let e = element.parentElement; e; e = e.parentElement) {
    if (/auto|scroll|hidden|clip/u.test(getComputedStyle(e).overflowY)) return e.getBoundingClientRect().top
  }
  return 0
}

/** The browser's range of the text between two positions; null if it is empty or not drawn yet. */
export function rangeOf(view: EditorView, { anchor, head }: CaretPosition): StaticRange | null {
  if (anchor === head) return null
  try {
    const start = view.domAtPos(Math.min(anchor, head), 1)
    const end = view.domAtPos(Math.max(anchor, head), -1)
    return new StaticRange({ startContainer: start.node, startOffset: start.offset, endContainer: end.node, endOffset: end.offset })
  } catch {
    return null // the view has not drawn the newest document yet
  }
}

/** Where a position is in the viewport, in CSS pixels; null if it is not drawn yet. */
export function coordinatesOf(view: EditorView, position: number): { readonly left: number; readonly top: number; readonly bottom: number } | null {
  try {
    return view.coordsAtPos(position)
  } catch {
    return null // the view has not drawn the newest document yet
  }
}

/** How far down the page a position is, from 0 to 1, counted in blocks. */
export const fractionOf = (view: EditorView, position: number): number =>
  (view.state.doc.resolve(position).index(0) + 0.5) / Math.max(view.state.doc.childCount, 1)
