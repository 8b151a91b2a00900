import { absolutePositionToRelativePosition, relativePositionToAbsolutePosition, ySyncPluginKey } from 'y-prosemirror'
import type { EditorView } from 'prosemirror-view'
import type { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'

/** The state of y-prosemirror's sync plugin, which it does not type. */
interface SyncState { readonly doc: Y.Doc; readonly type: Y.XmlFragment; readonly binding: { readonly mapping: Map<never, never> } | null }

export const syncStateOf = (view: EditorView): SyncState | undefined => ySyncPluginKey.getState(view.state) as SyncState | undefined

/** A person's caret and selection as positions in the ProseMirror document. */
export interface CaretPosition { readonly anchor: number; readonly head: number }

/**
 * Publishes the reader's caret in awareness, at most once every `everyMs`
 * milliseconds, in the form of y-prosemirror: `cursor: { anchor, head }`, relative
 * positions as JSON. A page that loses the focus leaves the caret where it was,
 * because a reader who looks something up in the chat is still at that place.
 */
export class OwnCursor {
  readonly #awareness: Awareness
  readonly #everyMs: number
  #timer: ReturnType<typeof setTimeout> | undefined
  #publishedAt = 0

  constructor(awareness: Awareness, everyMs = 60) {
    this.#awareness = awareness
    this.#everyMs = everyMs
  }

  /** To be called after each change of the selection. */
  update(view: EditorView): void {
    if (this.#timer !== undefined || !view.hasFocus()) return
    const wait = Math.max(0, this.#publishedAt + this.#everyMs - performance.now())
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#publishedAt = performance.now()
      if (!view.isDestroyed) this.#publish(view)
    }, wait)
  }

  #publish(view: EditorView): void {
    const sync = syncStateOf(view)
    if (!sync?.binding) return
    const { anchor, head } = view.state.selection
    const relative = (position: number): Y.RelativePosition => absolutePositionToRelativePosition(position, sync.type, sync.binding?.mapping as never)
    const next = { anchor: relative(anchor), head: relative(head) }
    const last = cursorIn(this.#awareness.getLocalState())
    if (last && Y.compareRelativePositions(last.anchor, next.anchor) && Y.compareRelativePositions(last.head, next.head)) return
    this.#awareness.setLocalStateField('cursor', next)
  }

  /** Removes the caret from awareness. */
  clear(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#awareness.getLocalState()?.['cursor'] != null) this.#awareness.setLocalStateField('cursor', null)
  }
}

/**
 * The caret in an awareness state, as positions in the view's document. Null if the
 * state has none, or if the text it points at has not arrived yet or is deleted.
 */
export function caretIn(view: EditorView, state: unknown): CaretPosition | null {
  const cursor = cursorIn(state)
  const sync = syncStateOf(view)
  if (!cursor || !sync?.binding) return null
  const absolute = (p: Y.RelativePosition): number | null => relativePositionToAbsolutePosition(sync.doc, sync.type, p, sync.binding?.mapping as never)
  const anchor = absolute(cursor.anchor)
  const head = absolute(cursor.head)
  if (anchor === null || head === null) return null
  const end = Math.max(view.state.doc.content.size - 1, 0)
  return { anchor: Math.min(anchor, end), head: Math.min(head, end) }
}

function cursorIn(state: unknown): { anchor: Y.RelativePosition; head: Y.RelativePosition } | null {
  if (typeof state !== 'object' || state === null) return null
  const { cursor } = state as { cursor?: unknown }
  if (typeof cursor !== 'object' || cursor === null) return null
  const { anchor, head } = cursor as { anchor?: unknown; head?: unknown }
  if (!anchor || !head) return null
  try {
    return { anchor: Y.createRelativePositionFromJSON(anchor), head: Y.createRelativePositionFromJSON(head) }
  } catch {
    return null // a peer may put anything into its awareness state
  }
}
