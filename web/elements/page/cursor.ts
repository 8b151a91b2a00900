import { absolutePositionToRelativePosition, relativePositionToAbsolutePosition, ySyncPluginKey } from 'y-prosemirror'
import type { EditorView } from 'prosemirror-view'
import type { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'

/** What y-prosemirror keeps for a bound view; it does not type it. */
interface Bound { readonly doc: Y.Doc; readonly type: Y.XmlFragment; readonly binding: { readonly mapping: Map<never, never> } | null }

export const bound = (view: EditorView): Bound | undefined => ySyncPluginKey.getState(view.state) as Bound | undefined

/** Somebody's caret as positions in the view's document. */
export interface Place { readonly anchor: number; readonly head: number }

/**
 * Writes where this reader's caret is into awareness, at most every `everyMs`,
 * in the form y-prosemirror gives it: `cursor: { anchor, head }`, relative
 * positions as JSON. Losing focus leaves the caret where it was: who looks
 * something up in the chat is still at that place of the page.
 */
export class OwnCursor {
  readonly #awareness: Awareness
  readonly #everyMs: number
  #timer: ReturnType<typeof setTimeout> | undefined
  #sentAt = 0

  constructor(awareness: Awareness, everyMs = 60) {
    this.#awareness = awareness
    this.#everyMs = everyMs
  }

  update(view: EditorView): void {
    if (this.#timer !== undefined || !view.hasFocus()) return
    const wait = Math.max(0, this.#sentAt + this.#everyMs - performance.now())
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#sentAt = performance.now()
      if (!view.isDestroyed) this.#publish(view)
    }, wait)
  }

  #publish(view: EditorView): void {
    const state = bound(view)
    if (!state?.binding) return
    const { anchor, head } = view.state.selection
    const at = (pos: number): Y.RelativePosition => absolutePositionToRelativePosition(pos, state.type, state.binding?.mapping as never)
    const next = { anchor: at(anchor), head: at(head) }
    const last = read(this.#awareness.getLocalState())
    if (last && Y.compareRelativePositions(last.anchor, next.anchor) && Y.compareRelativePositions(last.head, next.head)) return
    this.#awareness.setLocalStateField('cursor', next)
  }

  clear(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#awareness.getLocalState()?.['cursor'] != null) this.#awareness.setLocalStateField('cursor', null)
  }
}

/** Where a peer's caret is now, or null if its place is not here (yet). */
export function locate(view: EditorView, state: unknown): Place | null {
  const cursor = read(state)
  const here = bound(view)
  if (!cursor || !here?.binding) return null
  const at = (p: Y.RelativePosition): number | null => relativePositionToAbsolutePosition(here.doc, here.type, p, here.binding?.mapping as never)
  const anchor = at(cursor.anchor)
  const head = at(cursor.head)
  if (anchor === null || head === null) return null
  const end = Math.max(view.state.doc.content.size - 1, 0)
  return { anchor: Math.min(anchor, end), head: Math.min(head, end) }
}

function read(state: unknown): { anchor: Y.RelativePosition; head: Y.RelativePosition } | null {
  if (typeof state !== 'object' || state === null) return null
  const { cursor } = state as { cursor?: unknown }
  if (typeof cursor !== 'object' || cursor === null) return null
  const { anchor, head } = cursor as { anchor?: unknown; head?: unknown }
  if (!anchor || !head) return null
  try {
    return { anchor: Y.createRelativePositionFromJSON(anchor), head: Y.createRelativePositionFromJSON(head) }
  } catch {
    return null // a peer may write anything
  }
}
