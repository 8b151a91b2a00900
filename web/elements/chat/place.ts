import type { ReactiveController, ReactiveElement } from 'lit'

/** Nearer to the end than this the log follows what comes. */
const pinnedPx = 80

/** What is read of a row. It stays when a name above it comes or goes. */
const words = (row: Element): Element => row.querySelector('.text') ?? row

/** Where a row's words begin, from the start of what scrolls. */
const offset = (log: Element, row: Element): number => words(row).getBoundingClientRect().top - log.getBoundingClientRect().top + log.scrollTop

/**
 * The reader's place in a log. At the end it stays the end. Elsewhere the words
 * of the first row that begins in view stay where they are, whatever happens
 * above them. Scroll anchoring of the browser's own is off in the log: not all
 * browsers have it, and where one does it would move rows a second time.
 */
export class Place implements ReactiveController {
  readonly #find: () => HTMLElement | null
  readonly #sizes = new ResizeObserver(() => this.keep())
  #log: HTMLElement | null = null
  #pinned = true
  #scrollTop = 0
  #end = -1 // scrollTop's maximum, for the content that was last seen; -1 means go there
  #held: readonly { readonly row: Element; readonly offset: number }[] = [] // the first that is still there counts
  #hidden = false // a browser may forget where a hidden element was scrolled to

  constructor(host: ReactiveElement, find: () => HTMLElement | null) {
    this.#find = find
    host.addController(this)
  }

  /** The reader is at the end and stays there. */
  get pinned(): boolean { return this.#pinned }

  hostConnected(): void { this.#watch() }

  hostDisconnected(): void {
    this.#hidden = true
    this.#log = null
    this.#sizes.disconnect()
  }

  hostUpdate(): void { this.keep() }

  hostUpdated(): void {
    this.#watch()
    this.keep()
  }

  /** Goes to the end with the next change, and stays there. */
  follow(): void {
    this.#pinned = true
    this.#end = -1
  }

  /** Undoes what a change of the content did to the place, and takes what the reader scrolled to for the new one. */
  keep(): void {
    const log = this.#log
    if (!log) return
    this.#hidden ||= log.clientHeight === 0
    if (log.clientHeight === 0) return
    const end = log.scrollHeight - log.clientHeight
    if (this.#hidden) log.scrollTop = this.#scrollTop
    // The event of a scroll comes with the next frame, and a render may come before it.
    else if (log.scrollTop !== this.#scrollTop && this.#end !== -1) this.#pinned = Math.min(end, this.#end) - log.scrollTop < pinnedPx
    this.#hidden = false
    if (this.#pinned && end !== this.#end) log.scrollTop = end
    const held = this.#pinned ? undefined : this.#held.find((h) => h.row.isConnected)
    const moved = held ? offset(log, held.row) - held.offset : 0
    if (Math.abs(moved) > 0.5) log.scrollTop += moved
    this.#end = end
    this.#scrollTop = log.scrollTop
    this.#held = this.#pinned ? [] : this.#inView(log)
  }

  #watch(): void {
    const log = this.#find()
    if (log === this.#log) return
    this.#log = log
    this.#sizes.disconnect()
    if (!log) return
    this.#sizes.observe(log)
    if (log.firstElementChild) this.#sizes.observe(log.firstElementChild)
  }

  /** The rows whose words begin in view, top first, and last the one before them: it may fill the view. */
  #inView(log: Element): { row: Element; offset: number }[] {
    const { top, bottom } = log.getBoundingClientRect()
    const rows = [...log.querySelectorAll('.row')]
    let [from, to] = [0, rows.length]
    while (from < to) {
      const middle = (from + to) >> 1
      const row = rows[middle]
      if (row && words(row).getBoundingClientRect().top >= top) to = middle
      else from = middle + 1
    }
    const seen = []
    for (const row of rows.slice(from)) {
      if (words(row).getBoundingClientRect().top > bottom) break
      seen.push({ row, offset: offset(log, row) })
    }
    const before = rows[from - 1]
    if (before) seen.push({ row: before, offset: offset(log, before) })
    return seen
  }
}
