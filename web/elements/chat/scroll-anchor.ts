import type { ReactiveController, ReactiveElement } from 'lit'

/** Closer than this to the end of the log, the reader counts as being at the end. In CSS pixels. */
const atEndWithinPx = 80

/** The part of a row that is read. It keeps its place when a name above it appears or disappears. */
const textOf = (row: Element): Element => row.querySelector('.text') ?? row

/** The distance from the start of the scrolled content to the text of a row, in CSS pixels. */
const offsetOf = (log: Element, row: Element): number => textOf(row).getBoundingClientRect().top - log.getBoundingClientRect().top + log.scrollTop

/**
 * Scroll anchoring for a log that grows at both ends. A reader at the end stays
 * at the end. Elsewhere the text of the first row that begins in view stays where
 * it is on screen, whatever changes above it.
 *
 * The browser's own scroll anchoring is off in the log (overflow-anchor: none):
 * not all browsers have it, and where one does, it would move rows a second time.
 */
export class ScrollAnchor implements ReactiveController {
  readonly #find: () => HTMLElement | null
  readonly #sizes = new ResizeObserver(() => this.keep())
  #log: HTMLElement | null = null
  #isAtEnd = true
  /** scrollTop as of the last keep, in CSS pixels. */
  #scrollTop = 0
  /** The largest possible scrollTop as of the last keep; -1 makes the next keep go to the end. */
  #end = -1
  /** Rows with their offsets as of the last keep. The first that is still in the document is the anchor. */
  #anchors: readonly { readonly row: Element; readonly offset: number }[] = []
  /** The log was hidden since the last keep. A browser may forget the scroll position of a hidden element. */
  #wasHidden = false

  /** `find` returns the element that scrolls, or null before the first render. */
  constructor(host: ReactiveElement, find: () => HTMLElement | null) {
    this.#find = find
    host.addController(this)
  }

  /** The reader is at the end of the log and stays there. */
  get isAtEnd(): boolean { return this.#isAtEnd }

  hostConnected(): void { this.#observe() }

  hostDisconnected(): void {
    this.#wasHidden = true
    this.#log = null
    this.#sizes.disconnect()
  }

  hostUpdate(): void { this.keep() }

  hostUpdated(): void {
    this.#observe()
    this.keep()
  }

  /** Goes to the end with the next change, and stays there. */
  follow(): void {
    this.#isAtEnd = true
    this.#end = -1
  }

  /**
   * Undoes what a change of the content did to the reader's position. If the
   * reader has scrolled since the last call, the place scrolled to is the new
   * position. It is called before and after every change.
   */
  keep(): void {
    const log = this.#log
    if (!log) return
    this.#wasHidden ||= log.clientHeight === 0
    if (log.clientHeight === 0) return
    const end = log.scrollHeight - log.clientHeight
    if (this.#wasHidden) log.scrollTop = this.#scrollTop
    // The scroll event arrives with the next frame, and a render may come before it.
    else if (log.scrollTop !== this.#scrollTop && this.#end !== -1) this.#isAtEnd = Math.min(end, this.#end) - log.scrollTop < atEndWithinPx
    this.#wasHidden = false
    if (this.#isAtEnd && end !== this.#end) log.scrollTop = end
    const anchor = this.#isAtEnd ? undefined : this.#anchors.find((a) => a.row.isConnected)
    const moved = anchor ? offsetOf(log, anchor.row) - anchor.offset : 0
    if (Math.abs(moved) > 0.5) log.scrollTop += moved
    this.#end = end
    this.#scrollTop = log.scrollTop
    this.#anchors = this.#isAtEnd ? [] : this.#rowsInView(log)
  }

  #observe(): void {
    const log = this.#find()
    if (log === this.#log) return
    this.#log = log
    this.#sizes.disconnect()
    if (!log) return
    this.#sizes.observe(log)
    if (log.firstElementChild) this.#sizes.observe(log.firstElementChild)
  }

  /**
   * The rows whose text begins in view, from the top, and last the row before
   * them, because one long row may fill the view.
   */
  #rowsInView(log: Element): { row: Element; offset: number }[] {
    const { top, bottom } = log.getBoundingClientRect()
    const rows = [...log.querySelectorAll('.row')]
    let [from, to] = [0, rows.length]
    while (from < to) { // binary search for the first row whose text begins at or below the top
      const middle = (from + to) >> 1
      const row = rows[middle]
      if (row && textOf(row).getBoundingClientRect().top >= top) to = middle
      else from = middle + 1
    }
    const inView = []
    for (const row of rows.slice(from)) {
      if (textOf(row).getBoundingClientRect().top > bottom) break
      inView.push({ row, offset: offsetOf(log, row) })
    }
    const before = rows[from - 1]
    if (before) inView.push({ row: before, offset: offsetOf(log, before) })
    return inView
  }
}
