import type { EditorView } from 'prosemirror-view'
import type { Awareness } from 'y-protocols/awareness'
import { slotCount } from '@weft/sdk'
import { shortName } from '../text/index.ts'
import { locate, type Place } from './cursor.ts'

/** What awareness says of a peer, as far as drawing needs it. */
export interface Peer { readonly key: string; readonly name: string; readonly slot: number; readonly idle: boolean }

/** How long a label stays after its caret moved, before it is a dot. */
const labelMs = 2500
/** This near to the end of the line a label opens towards its start. */
const edge = 96
const labelHeight = 22
const washName = 'weft-wash'
const washMs = 2400

interface Caret { readonly element: HTMLElement; readonly label: HTMLElement; last: string; hide: ReturnType<typeof setTimeout> | undefined }
interface Spot { readonly peer: Peer; readonly place: Place; readonly x: number; readonly y: number; readonly height: number }

const highlightName = (slot: number): string => `weft-c${slot}`
/** Each page's ranges by slot: highlights are the document's, and it may hold several pages. */
const painted = new Map<Carets, Map<number, StaticRange[]>>()

/**
 * Draws other people outside the text: selections as CSS highlights, carets in
 * a layer above. Nothing of theirs is ever a node of the document, and many
 * changes in one frame cost one drawing.
 */
export class Carets {
  readonly #layer: HTMLElement
  readonly #awareness: Awareness
  readonly #peer: (client: number, state: { readonly [field: string]: unknown }) => Peer | null
  readonly #onPaint: (people: readonly { readonly peer: Peer; readonly at: number }[]) => void
  readonly #carets = new Map<number, Caret>()
  #view: EditorView | null = null
  #frame = 0
  #washing: ReturnType<typeof setTimeout> | undefined

  /** `onPaint` gets where everybody is, 0 to 1, after each drawing. */
  constructor(
    layer: HTMLElement, awareness: Awareness,
    peer: (client: number, state: { readonly [field: string]: unknown }) => Peer | null,
    onPaint: (people: readonly { readonly peer: Peer; readonly at: number }[]) => void,
  ) {
    this.#layer = layer
    this.#awareness = awareness
    this.#peer = peer
    this.#onPaint = onPaint
    awareness.on('change', this.draw)
  }

  show(view: EditorView): void {
    this.#view = view
    this.draw()
  }

  /** Draws in the next frame; cheap to call often. */
  readonly draw = (): void => {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0
      this.#paint()
    })
  }

  /** Scrolls to a stretch of the text and marks it for a moment. */
  wash({ from, to }: { readonly from: number; readonly to: number }): void {
    const view = this.#view
    if (!view || view.isDestroyed) return
    const { node } = view.domAtPos(from, 1)
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches
    const element = node instanceof Element ? node : node.parentElement
    element?.scrollIntoView({ block: 'center', behavior: still ? 'auto' : 'smooth' })
    const range = rangeOf(view, { anchor: from, head: to })
    if (!range || !('highlights' in CSS)) return
    CSS.highlights.set(washName, new Highlight(range))
    clearTimeout(this.#washing)
    this.#washing = setTimeout(() => CSS.highlights.delete(washName), washMs)
  }

  destroy(): void {
    if (this.#washing !== undefined && 'highlights' in CSS) CSS.highlights.delete(washName)
    clearTimeout(this.#washing)
    cancelAnimationFrame(this.#frame)
    this.#awareness.off('change', this.draw)
    for (const caret of this.#carets.values()) this.#remove(caret)
    this.#carets.clear()
    painted.delete(this)
    highlight()
  }

  /** Where a person is, in the view's positions. */
  find(key: string): number | null {
    if (!this.#view) return null
    for (const [client, state] of this.#awareness.getStates()) {
      if (client === this.#awareness.clientID || this.#peer(client, state)?.key !== key) continue
      const place = locate(this.#view, state)
      if (place) return place.head
    }
    return null
  }

  #paint(): void {
    const view = this.#view
    if (!view || view.isDestroyed) return
    // Read everything first, then write: one layout, not one for each caret.
    const origin = this.#layer.getBoundingClientRect()
    const ranges = new Map<number, StaticRange[]>()
    const spots = new Map<number, Spot>()
    const alive = new Set<number>()
    for (const [client, state] of this.#awareness.getStates()) {
      if (client === this.#awareness.clientID) continue
      const peer = this.#peer(client, state)
      if (!peer || state['cursor'] == null) continue
      alive.add(client) // a caret whose place is not here yet keeps its last one
      const place = locate(view, state)
      if (!place) continue
      const range = rangeOf(view, place)
      if (range) ranges.set(peer.slot, [...ranges.get(peer.slot) ?? [], range])
      const box = coords(view, place.head)
      if (box) spots.set(client, { peer, place, x: box.left - origin.left, y: box.top - origin.top, height: box.bottom - box.top })
    }
    painted.set(this, ranges)
    highlight()
    const top = this.#clip() - origin.top
    const width = origin.width
    const names = [...spots.values()].map((s) => s.peer.name)
    for (const [client, spot] of spots) this.#place(client, spot, { width, top }, names)
    for (const [client, caret] of this.#carets) {
      if (alive.has(client)) continue
      this.#remove(caret)
      this.#carets.delete(client)
    }
    this.#onPaint([...spots.values()].map(({ peer, place }) => ({ peer, at: share(view, place.head) })))
  }

  #place(client: number, { peer, place, x, y, height }: Spot, room: { width: number; top: number }, names: readonly string[]): void {
    const caret = this.#carets.get(client) ?? this.#create(client)
    const { element, label } = caret
    element.className = `weft-caret c${peer.slot}`
    element.dataset['user'] = peer.key
    element.toggleAttribute('data-idle', peer.idle)
    element.toggleAttribute('data-below', y - room.top < labelHeight)
    element.toggleAttribute('data-flip', x > room.width - edge)
    const text = shortName(peer.name, names)
    if (label.textContent !== text) label.textContent = text
    element.style.transform = `translate(${Math.round(x) - 1}px, ${Math.round(y)}px)`
    element.style.blockSize = `${Math.round(height)}px`
    const at = `${place.anchor}:${place.head}`
    if (at === caret.last) return
    caret.last = at
    element.toggleAttribute('data-quiet', false)
    clearTimeout(caret.hide)
    caret.hide = setTimeout(() => element.toggleAttribute('data-quiet', true), labelMs)
  }

  /** Where the page is cut off above, in the viewport: a label there goes below its caret. */
  #clip(): number {
    for (let e = this.#view?.dom.parentElement ?? null; e; e = e.parentElement) {
      if (/auto|scroll|hidden/u.test(getComputedStyle(e).overflowY)) return e.getBoundingClientRect().top
    }
    return 0
  }

  #create(client: number): Caret {
    const element = document.createElement('span')
    const label = document.createElement('span')
    label.className = 'label'
    element.setAttribute('part', 'caret')
    label.setAttribute('part', 'label')
    element.append(label)
    this.#layer.append(element)
    const caret: Caret = { element, label, last: '', hide: undefined }
    this.#carets.set(client, caret)
    return caret
  }

  #remove(caret: Caret): void {
    clearTimeout(caret.hide)
    caret.element.remove()
  }
}

/** How far down the page a position is, counted in blocks. */
const share = (view: EditorView, pos: number): number =>
  (view.state.doc.resolve(pos).index(0) + 0.5) / Math.max(view.state.doc.childCount, 1)

/** Sets the document's highlights to the union of all pages' ranges. */
function highlight(): void {
  if (!('highlights' in CSS)) return // carets alone, on browsers before 2025
  for (let slot = 0; slot < slotCount; slot++) {
    const all = [...painted.values()].flatMap((m) => m.get(slot) ?? [])
    if (all.length > 0) CSS.highlights.set(highlightName(slot), new Highlight(...all))
    else CSS.highlights.delete(highlightName(slot))
  }
}

function rangeOf(view: EditorView, { anchor, head }: Place): StaticRange | null {
  if (anchor === head) return null
  try {
    const start = view.domAtPos(Math.min(anchor, head), 1)
    const end = view.domAtPos(Math.max(anchor, head), -1)
    return new StaticRange({ startContainer: start.node, startOffset: start.offset, endContainer: end.node, endOffset: end.offset })
  } catch {
    return null
  }
}

function coords(view: EditorView, pos: number): { left: number; top: number; bottom: number } | null {
  try {
    return view.coordsAtPos(pos)
  } catch {
    return null // the view is about to catch up with the document
  }
}
