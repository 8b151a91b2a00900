import { css, html, type TemplateResult } from 'lit'
import { WeftElement } from '../base/element.ts'
import { sheet } from '../base/sheet.ts'
import { rail as text } from '../text/index.ts'

/** A person's position in the page. `at` is 0 at the start of the page and 1 at its end. */
export interface Bead { readonly id: string; readonly name: string; readonly slot: number; readonly idle: boolean; readonly at: number }

/** The people and headings of a page. `index` is the index of a heading's block. */
export interface Outline {
  readonly beads: readonly Bead[]
  readonly headings: readonly { readonly at: number; readonly text: string; readonly index: number }[]
}

/**
 * `<weft-rail>`: a vertical strip that represents the whole page. It has a
 * bead for each person at their position, also for people whose carets are not in
 * view, a tick for each heading, and shows which part of the page is in view.
 *
 * @fires weft-person a bead was pressed; `detail.id`
 * @fires weft-heading a tick was pressed; `detail.index` is the index of the heading's block
 */
export class WeftRail extends WeftElement {
  static override properties = { outline: { attribute: false }, scroller: { attribute: false }, content: { attribute: false }, inView: { state: true } }
  declare outline: Outline
  /** The element that scrolls the page. */
  declare scroller: HTMLElement | null
  /** Returns the element whose children are the blocks of the page. */
  declare content: (() => Element | null) | null
  /** The part of the page that is in view, from 0 to 1. */
  declare protected inView: { from: number; to: number }
  #resize: ResizeObserver | null = null
  #observed: HTMLElement | null = null

  static override styles = [sheet, css`
    :host { position: relative; inline-size: 22px; border-inline-start: 1px solid var(--weft-line); background: var(--weft-paper); }
    .seen { position: absolute; inset-inline: 2px; border-radius: 5px; background: color-mix(in srgb, var(--weft-ink) 7%, transparent); pointer-events: none; }
    button { position: absolute; inset-inline: 0; }
    .tick { block-size: 12px; margin-block-start: -6px; }
    .tick::after { content: ""; position: absolute; inset: 5px 7px; background: var(--weft-line); }
    .tick:hover::after { background: var(--weft-ink-3); }
    .bead { block-size: 20px; margin-block-start: -10px; transition: inset-block-start 180ms var(--weft-ease); }
    .bead::after { content: ""; position: absolute; inset: 0; margin: auto; inline-size: 12px; block-size: 12px; border-radius: 50%; background: var(--c); box-shadow: 0 0 0 2px var(--weft-paper); }
    .bead[data-idle]::after { background: color-mix(in oklab, var(--c) 40%, var(--weft-paper)); }
    .bead span { position: absolute; inset-block: 0; inset-inline-end: calc(100% + 4px); margin-block: auto; block-size: 20px; background: var(--c); color: var(--weft-on-c); font: 600 11.5px/12px var(--weft-font); padding: 4px 7px; border-radius: 7px; white-space: nowrap; opacity: 0; pointer-events: none; transition: opacity 120ms; }
    .bead:is(:hover, :focus-visible) span { opacity: 1; }
    @media print { :host { display: none; } }
  `]

  constructor() {
    super()
    this.outline = { beads: [], headings: [] }
    this.scroller = null
    this.content = null
    this.inView = { from: 0, to: 1 }
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#observe(null)
  }

  protected override render(): TemplateResult {
    const isWhole = this.inView.to - this.inView.from > 0.999
    return html`<div class="seen" ?hidden=${isWhole} .style=${`inset-block:${percent(this.inView.from)} ${percent(1 - this.inView.to)}`}></div>
      ${this.outline.headings.map((h) => html`<button class="tick" tabindex="-1" .style=${`inset-block-start:${percent(inset(h.at))}`}
        title=${h.text} aria-label=${text.goTo(h.text)} @click=${() => this.emit('weft-heading', { index: h.index })}></button>`)}
      ${spread(this.outline.beads).map(({ bead: b, nudge }) => html`<button class="bead c${b.slot}" data-person=${b.id} ?data-idle=${b.idle}
        .style=${`inset-block-start:calc(${percent(inset(b.at))} + ${nudge}px)`} aria-label=${text.goTo(b.name)}
        @click=${() => this.emit('weft-person', { id: b.id })}><span aria-hidden="true">${b.name}</span></button>`)}`
  }

  protected override updated(): void {
    this.#observe(this.scroller)
    this.#measure()
  }

  #observe(scroller: HTMLElement | null): void {
    if (scroller === this.#observed) return
    this.#observed?.removeEventListener('scroll', this.#measure)
    this.#resize?.disconnect()
    this.#observed = scroller
    if (!scroller) return
    scroller.addEventListener('scroll', this.#measure, { passive: true })
    this.#resize = new ResizeObserver(this.#measure)
    this.#resize.observe(scroller)
    for (const child of scroller.children) this.#resize.observe(child)
  }

  #measure = (): void => {
    const scroller = this.#observed
    const text = this.content?.()
    const [first, last] = [text?.firstElementChild, text?.lastElementChild]
    if (!scroller || !first || !last) return
    const view = scroller.getBoundingClientRect()
    const top = first.getBoundingClientRect().top
    const height = last.getBoundingClientRect().bottom - top
    if (height <= 0) return
    const fraction = (y: number): number => Math.min(Math.max((y - top) / height, 0), 1)
    const [from, to] = [fraction(view.top), fraction(view.bottom)]
    if (Math.abs(from - this.inView.from) + Math.abs(to - this.inView.to) > 0.001) this.inView = { from, to }
  }
}

const percent = (fraction: number): string => `${(fraction * 100).toFixed(2)}%`
/** Keeps beads away from the ends of the rail, where they would be cut off. */
const inset = (at: number): number => 0.02 + Math.min(Math.max(at, 0), 1) * 0.96

/** Moves beads at the same position 8 px apart, and sorts them in the order of the page. */
function spread(beads: readonly Bead[]): { bead: Bead; nudge: number }[] {
  const counts = new Map<string, number>()
  return [...beads].sort((a, b) => a.at - b.at).map((bead) => {
    const position = bead.at.toFixed(2)
    const before = counts.get(position) ?? 0
    counts.set(position, before + 1)
    return { bead, nudge: before * 8 }
  })
}
