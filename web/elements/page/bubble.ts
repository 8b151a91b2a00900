import { css } from 'lit'
import type { EditorView } from 'prosemirror-view'
import { clipTop } from './geometry.ts'

/** The height of the bubble, and its distance from the text. In CSS pixels. */
const heightPx = 40
const gapPx = 8
/** Half of the largest width of the bubble, which keeps it inside the page. In CSS pixels. */
const halfWidthPx = 70

/** Where the bubble is, in CSS pixels from the start and the top of the page. */
export interface BubblePosition { readonly x: number; readonly y: number }

/** Decides when the bubble with actions on the selected text is shown, and where. */
export class Bubble {
  readonly #host: HTMLElement
  readonly #view: () => EditorView | null
  readonly #show: (at: BubblePosition | null) => void
  #isPressed = false // the reader is selecting with the pointer
  #lastShown = '' // the position that was told last; empty if the bubble is hidden

  /** `show` is called when the position changes; null hides the bubble. */
  constructor(host: HTMLElement, view: () => EditorView | null, show: (at: BubblePosition | null) => void) {
    this.#host = host
    this.#view = view
    this.#show = show
    host.addEventListener('pointerdown', this.#onDown)
    addEventListener('pointerup', this.#onUp)
    host.addEventListener('focusout', this.#onFocusOut)
  }

  destroy(): void {
    this.#host.removeEventListener('pointerdown', this.#onDown)
    removeEventListener('pointerup', this.#onUp)
    this.#host.removeEventListener('focusout', this.#onFocusOut)
  }

  /** To be called after each change of text, selection or focus. */
  update(): void {
    const at = this.#isPressed ? null : this.#position()
    const key = at ? `${at.x}:${at.y}` : ''
    if (key === this.#lastShown) return
    this.#lastShown = key
    this.#show(at)
  }

  // The bubble is hidden while the pointer selects: it would move with the selection.
  readonly #onDown = (e: PointerEvent): void => {
    if (e.composedPath().some((t) => t instanceof Element && t.classList.contains('bubble'))) return
    this.#isPressed = true
    this.update()
  }

  readonly #onUp = (): void => {
    if (!this.#isPressed) return
    this.#isPressed = false
    setTimeout(() => this.update()) // a click inside a selection removes it only after this event
  }

  readonly #onFocusOut = (e: FocusEvent): void => {
    if (e.relatedTarget instanceof Node && this.#host.contains(e.relatedTarget)) return
    this.#lastShown = ''
    this.#show(null)
  }

  #position(): BubblePosition | null {
    const view = this.#view()
    if (!view || view.isDestroyed || view.composing || !view.hasFocus()) return null
    const { from, to, empty } = view.state.selection
    if (empty || view.state.doc.textBetween(from, to, ' ').trim() === '') return null
    try {
      const [start, end] = [view.coordsAtPos(from, 1), view.coordsAtPos(to, -1)]
      const box = this.#host.getBoundingClientRect()
      const right = end.top > start.top + 4 ? box.right : end.right // if the selection has several lines, to the end of the first
      const middle = (start.left + right) / 2 - box.left
      const x = Math.round(Math.min(Math.max(middle, halfWidthPx), Math.max(box.width - halfWidthPx, halfWidthPx)))
      // On a touch screen the browser shows its own menu above the selection.
      const below = start.top - heightPx - gapPx < clipTop(this.#host) || matchMedia('(pointer: coarse)').matches
      const y = Math.round(below ? end.bottom - box.top + gapPx : start.top - box.top - heightPx - gapPx)
      return { x: getComputedStyle(this.#host).direction === 'rtl' ? Math.round(box.width - x) : x, y }
    } catch {
      return null // the view has not drawn the newest document yet
    }
  }
}

export const bubbleSheet = css`
  .bubble { position: absolute; translate: -50% 0; display: flex; padding: 4px; background: var(--weft-raised); border-radius: var(--weft-r2); box-shadow: var(--weft-e2); z-index: 2; animation: appear 120ms var(--weft-ease); }
  .bubble:dir(rtl) { translate: 50% 0; }
  .bubble .button:hover { background: var(--weft-wash); }
  @media print { .bubble { display: none; } }
`
