import { css, html, nothing, type TemplateResult } from 'lit'
import type { Room } from '@weft/sdk'
import { WeftElement } from '../base/element.ts'
import { icons } from '../base/icons.ts'
import { sheet } from '../base/sheet.ts'
import { status as text } from '../text/index.ts'
import { changesIn, pill, type Pill } from './pill.ts'

/**
 * `<weft-status>`: one line that says whether the reader's work is saved. It is
 * always a text, never only a colour.
 *
 * @fires weft-status-action the pill was pressed; `detail.action` is rescue, retry, signin or reload
 */
export class WeftStatus extends WeftElement {
  static override properties = { room: { attribute: false } }
  declare room: Room | null
  #timer: ReturnType<typeof setTimeout> | undefined

  static override styles = [sheet, css`
    :host { min-inline-size: 0; }
    .pill { display: inline-flex; gap: 6px; align-items: center; font-size: 13px; color: var(--weft-ink-3); max-inline-size: 100%; border-radius: 999px; }
    .pill span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
    .pill svg { inline-size: 14px; block-size: 14px; }
    .quiet svg { color: var(--weft-good); }
    .note, .warn, .bad { padding: 3px 10px; background: var(--weft-wash); color: var(--weft-ink-2); font-weight: 550; }
    .warn { color: var(--weft-warn); }
    .bad { color: var(--weft-bad); }
    button.pill:hover { text-decoration: underline; text-underline-offset: 2px; }
    @media (max-width: 760px) {
      .note, .warn, .bad { padding: 0; background: none; border-radius: 0; align-items: flex-start; }
      .pill:not(.quiet) span { white-space: normal; font-size: 11.5px; line-height: 1.2; }
    }
    .turn svg { animation: turn 1.2s linear infinite; }
    @keyframes turn { to { rotate: 1turn; } }
  `]

  constructor() {
    super()
    this.room = null
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.setAttribute('role', 'status')
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    clearTimeout(this.#timer)
  }

  protected override sources() {
    return [this.room?.link, this.room?.safety]
  }

  protected override render(): TemplateResult | typeof nothing {
    if (!this.room) return nothing
    const link = this.room.link.get()
    const safety = this.room.safety.get()
    const now = Date.now()
    const p = pill(link, safety, now)
    this.dataset['state'] = p.state
    clearTimeout(this.#timer)
    const wait = changesIn(link, safety, now)
    if (wait !== null) this.#timer = setTimeout(() => this.requestUpdate(), wait + 5)
    const content = html`${p.icon ? icons[p.icon] : nothing}<span>${p.text}</span>`
    const classes = `pill ${p.tone} ${p.icon ?? ''}`
    return p.action
      ? html`<button part="pill" class=${classes} title=${text.hints[p.action]} @click=${() => this.#act(p.action)}>${content}</button>`
      : html`<span part="pill" class=${classes} title=${p.text}>${content}</span>`
  }

  #act(action: Pill['action']): void {
    if (action) this.emit('weft-status-action', { action })
  }
}
