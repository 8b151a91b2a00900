import { css, html, type TemplateResult } from 'lit'
import { WeftElement } from '../base/element.ts'
import { sheet } from '../base/sheet.ts'
import { rail as text } from '../text/index.ts'

/** Somebody's place in the page; `at` runs from 0 at its start to 1 at its end. */
export interface Bead { readonly id: string; readonly name: string; readonly slot: number; readonly idle: boolean; readonly at: number }

export interface Outline {
  readonly beads: readonly Bead[]
  readonly headings: readonly { readonly at: number; readonly text: string; readonly index: number }[]
}

/**
 * `<weft-rail>`: the page's length as a strip, with a bead for each person at
 * their place, so that those out of sight are not out of mind.
 *
 * @fires weft-person a bead was pressed; `detail.id`
 * @fires weft-heading a tick was pressed; `detail.index` is the heading's block
 */
export class WeftRail extends WeftElement {
  static override properties = { outline: { attribute: false }, scroller: { attribute: false }, content: { attribute: false }, seen: { state: true } }
  declare outline: Outline
  /** What scrolls the page. */
  declare scroller: HTMLElement | null
  /** What the beads' places are places in; the part of it in view is drawn. */
  declare content: (() => Element | null) | null
  declare protected seen: { from: number; to: number }
  #resize: ResizeObserver | null = null
  #watched: HTMLElement | null = null

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
    this.seen = { from: 0, to: 1 }
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#watch(null)
  }

  protected override render(): TemplateResult {
    const whole = this.seen.to - this.seen.from > 0.999
    return html`<div class="seen" ?hidden=${whole} .style=${`inset-block:${pc(this.seen.from)} ${pc(1 - this.seen.to)}`}></div>
      ${this.outline.headings.map((h) => html`<button class="tick" tabindex="-1" .style=${`inset-block-start:${pc(inner(h.at))}`}
        title=${h.text} aria-label=${text.goTo(h.text)} @click=${() => this.tell('weft-heading', { index: h.index })}></button>`)}
      ${spread(this.outline.beads).map(({ bead: b, nudge }) => html`<button class="bead c${b.slot}" data-person=${b.id} ?data-idle=${b.idle}
        .style=${`inset-block-start:calc(${pc(inner(b.at))} + ${nudge}px)`} aria-label=${text.goTo(b.name)}
        @click=${() => this.tell('weft-person', { id: b.id })}><span aria-hidden="true">${b.name}</span></button>`)}`
  }

  protected override updated(): void {
    this.#watch(this.scroller)
    this.#look()
  }

  #watch(scroller: HTMLElement | null): void {
    if (scroller === this.#watched) return
    this.#watched?.removeEventListener('scroll', this.#look)
    this.#resize?.disconnect()
    this.#watched = scroller
    if (!scroller) return
    scroller.addEventListener('scroll', this.#look, { passive: true })
    this.#resize = new ResizeObserver(this.#look)
    this.#resize.observe(scroller)
    for (const child of scroller.children) this.#resize.observe(child)
  }

  #look = (): void => {
    const s = this.#watched
    const text = this.content?.()
    const [first, last] = [text?.firstElementChild, text?.lastElementChild]
    if (!s || !first || !last) return
    const view = s.getBoundingClientRect()
    const top = first.getBoundingClientRect().top
    const height = last.getBoundingClientRect().bottom - top
    if (height <= 0) return
    const share = (y: number): number => Math.min(Math.max((y - top) / height, 0), 1)
    const [from, to] = [share(view.top), share(view.bottom)]
    if (Math.abs(from - this.seen.from) + Math.abs(to - this.seen.to) > 0.001) this.seen = { from, to }
  }
}

const pc = (share: number): string => `${(share * 100).toFixed(2)}%`
/** Beads at the very ends would be cut off. */
const inner = (at: number): number => 0.02 + Math.min(Math.max(at, 0), 1) * 0.96

/** People at one place stand 8 px apart, in the order of the page. */
function spread(beads: readonly Bead[]): { bead: Bead; nudge: number }[] {
  const taken = new Map<string, number>()
  return [...beads].sort((a, b) => a.at - b.at).map((bead) => {
    const place = bead.at.toFixed(2)
    const before = taken.get(place) ?? 0
    taken.set(place, before + 1)
    return { bead, nudge: before * 8 }
  })
}
