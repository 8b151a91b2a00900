import { css } from 'lit'
import type { EditorView } from 'prosemirror-view'

const height = 40
const gap = 8
/** Half of what the bar is wide at most, so that it stays inside the page. */
const half = 70

/** The bar above selected text: when it is there, and where. */
export class Bubble {
  readonly #host: HTMLElement
  readonly #view: () => EditorView | null
  readonly #show: (at: { readonly x: number; readonly y: number } | null) => void
  #pressed = false
  #last = ''

  constructor(host: HTMLElement, view: () => EditorView | null, show: (at: { readonly x: number; readonly y: number } | null) => void) {
    this.#host = host
    this.#view = view
    this.#show = show
    host.addEventListener('pointerdown', this.#down)
    addEventListener('pointerup', this.#up)
    host.addEventListener('focusout', this.#left)
  }

  destroy(): void {
    this.#host.removeEventListener('pointerdown', this.#down)
    removeEventListener('pointerup', this.#up)
    this.#host.removeEventListener('focusout', this.#left)
  }

  /** After each change of text, selection or focus. */
  update(): void {
    const at = this.#pressed ? null : this.#place()
    const key = at ? `${at.x}:${at.y}` : ''
    if (key === this.#last) return
    this.#last = key
    this.#show(at)
  }

  // Nothing jumps about while somebody selects.
  readonly #down = (e: PointerEvent): void => {
    if (e.composedPath().some((t) => t instanceof Element && t.classList.contains('bubble'))) return
    this.#pressed = true
    this.update()
  }

  readonly #up = (): void => {
    if (!this.#pressed) return
    this.#pressed = false
    setTimeout(() => this.update()) // a press inside a selection ends it after this event
  }

  readonly #left = (e: FocusEvent): void => {
    if (e.relatedTarget instanceof Node && this.#host.contains(e.relatedTarget)) return
    this.#last = ''
    this.#show(null)
  }

  #place(): { x: number; y: number } | null {
    const view = this.#view()
    if (!view || view.isDestroyed || view.composing || !view.hasFocus()) return null
    const { from, to, empty } = view.state.selection
    if (empty || view.state.doc.textBetween(from, to, ' ').trim() === '') return null
    try {
      const [start, end] = [view.coordsAtPos(from, 1), view.coordsAtPos(to, -1)]
      const box = this.#host.getBoundingClientRect()
      const right = end.top > start.top + 4 ? box.right : end.right // to the end of the first line
      const middle = (start.left + right) / 2 - box.left
      const x = Math.round(Math.min(Math.max(middle, half), Math.max(box.width - half, half)))
      // A phone shows its own menu above the selection.
      const below = start.top - height - gap < clip(this.#host) || matchMedia('(pointer: coarse)').matches
      const y = Math.round(below ? end.bottom - box.top + gap : start.top - box.top - height - gap)
      return { x: getComputedStyle(this.#host).direction === 'rtl' ? Math.round(box.width - x) : x, y }
    } catch {
      return null // the view is about to catch up with the document
    }
  }
}

/** Where the page is cut off above. */
function clip(element: HTMLElement): number {
  for (let e = element.parentElement; e; e = e.parentElement) {
    if (/auto|scroll|hidden|clip/u.test(getComputedStyle(e).overflowY)) return e.getBoundingClientRect().top
  }
  return 0
}

export const bubbleSheet = css`
  .bubble { position: absolute; translate: -50% 0; display: flex; padding: 4px; background: var(--weft-raised); border-radius: var(--weft-r2); box-shadow: var(--weft-e2); z-index: 2; animation: appear 120ms var(--weft-ease); }
  .bubble:dir(rtl) { translate: 50% 0; }
  .bubble .button:hover { background: var(--weft-wash); }
  @media print { .bubble { display: none; } }
`
