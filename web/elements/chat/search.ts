import { css, html, nothing, type TemplateResult } from 'lit'
import type { Found, Room } from '@weft/sdk'
import { face } from '../avatars/face.ts'
import { WeftElement } from '../base/element.ts'
import { icons } from '../base/icons.ts'
import { faceSheet, sheet } from '../base/sheet.ts'
import { ago, chat, search as text } from '../text/index.ts'

const pauseMs = 250
const pageSize = 20

/**
 * `<weft-search>`: finds messages of the room, newest first.
 *
 * @fires weft-found a result was chosen; `detail.id` is the message
 * @fires weft-search-close the reader is done
 */
export class WeftSearch extends WeftElement {
  static override properties = { room: { attribute: false }, found: { state: true }, asked: { state: true }, more: { state: true }, trouble: { state: true } }
  declare room: Room | null
  declare protected found: readonly Found[]
  /** What the results are of; empty before the first. */
  declare protected asked: string
  declare protected more: boolean
  declare protected trouble: string
  #timer: ReturnType<typeof setTimeout> | undefined
  #turn = 0 // answers to older questions are dropped

  static override styles = [sheet, faceSheet, css`
    :host { display: flex; flex-direction: column; min-block-size: 0; }
    form { display: flex; align-items: center; gap: 4px; padding: 6px 10px; border-block-end: 1px solid var(--weft-line); flex: none; }
    input { flex: 1; min-inline-size: 0; block-size: 32px; padding: 0 10px; border: 0; border-radius: var(--weft-r1); box-shadow: inset 0 0 0 1px var(--weft-line-strong); background: var(--weft-raised); color: inherit; font: inherit; }
    input:focus-visible { outline: none; box-shadow: inset 0 0 0 2px var(--weft-ink); }
    input::-webkit-search-cancel-button { display: none; }
    form svg:dir(rtl) { scale: -1 1; }
    .results { flex: 1; min-block-size: 0; overflow-y: auto; margin: 0; padding: 6px 8px; list-style: none; scrollbar-width: thin; }
    .hit { display: grid; grid-template-columns: 24px minmax(0, 1fr); gap: 0 10px; inline-size: 100%; padding: 8px; border-radius: var(--weft-r1); --s: 24px; }
    .hit:hover { background: var(--weft-wash); }
    .hit b { font-weight: 600; } time { font-size: 12.5px; color: var(--weft-ink-3); margin-inline-start: 8px; }
    .hit p { grid-column: 2; margin: 2px 0 0; overflow-wrap: anywhere; color: var(--weft-ink-2); line-height: 1.45; }
    mark { background: var(--weft-marker); color: var(--weft-marker-ink); border-radius: 2px; }
    .none { color: var(--weft-ink-3); padding: 0 24px; margin: 24px 0; text-align: center; text-wrap: balance; }
    .next { margin: 4px 8px 8px; }
    @media (pointer: coarse) { input { font-size: 16px; block-size: 44px; } }
  `]

  constructor() {
    super()
    this.room = null
    this.found = []
    this.asked = ''
    this.more = false
    this.trouble = ''
  }

  override focus(): void {
    this.#field?.focus()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    clearTimeout(this.#timer)
  }

  get #field(): HTMLInputElement | null { return this.renderRoot.querySelector('input') }

  protected override render(): TemplateResult {
    const none = this.asked !== '' && this.found.length === 0
    return html`<form role="search" @submit=${this.#now} @keydown=${this.#key}>
        <button class="icon" type="button" aria-label=${chat.back} title=${chat.back} @click=${this.#close}>${icons.back}</button>
        <input type="search" name="q" aria-label=${text.label} placeholder=${text.label} maxlength="200" autocomplete="off" dir="auto" enterkeyhint="search" @input=${this.#soon}>
      </form>
      ${this.trouble ? html`<p class="none" role="alert">${this.trouble}</p>` : none ? html`<p class="none">${text.nothingMatches(this.asked)}</p>` : nothing}
      <ul class="results" aria-label=${text.results}>${this.found.map((f) => this.#hit(f))}</ul>
      ${this.more ? html`<button class="button line next" @click=${this.#next}>${text.more}</button>` : nothing}
      <div class="gone" role="status">${this.asked === '' ? '' : none ? text.nothingMatches(this.asked) : text.found(this.found.length, this.more)}</div>`
  }

  #hit({ message: m, snippet }: Found): TemplateResult {
    return html`<li><button class="hit" data-found=${m.id} @click=${() => this.tell('weft-found', { id: m.id })}>${face(m.user)}
      <span><b><bdi>${m.user.name}</bdi></b><time datetime=${m.createdAt} dir="auto">${ago(new Date(m.createdAt), new Date())}</time></span>
      <p dir="auto">${marked(snippet).map((s) => s.mark ? html`<mark>${s.text}</mark>` : s.text)}</p></button></li>`
  }

  #key = (e: KeyboardEvent): void => {
    if (e.key !== 'Escape' || e.isComposing) return
    e.preventDefault()
    this.#close()
  }

  #close = (): void => { this.tell('weft-search-close', null) }

  #soon = (): void => {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#ask(), pauseMs)
  }

  #now = (e: Event): void => {
    e.preventDefault()
    clearTimeout(this.#timer)
    void this.#ask()
  }

  #next = (): void => { void this.#ask(this.found.at(-1)?.message.seq) }

  async #ask(before?: number): Promise<void> {
    const q = this.#field?.value.trim() ?? ''
    const turn = ++this.#turn
    this.trouble = ''
    try {
      const page = q === '' ? [] : await this.room?.chat.search(q, { limit: pageSize, ...(before === undefined ? {} : { before }) }) ?? []
      if (turn !== this.#turn) return
      this.found = before === undefined ? page : [...this.found, ...page]
      this.more = page.length === pageSize
      this.asked = q
    } catch (err) {
      if (turn === this.#turn) this.trouble = err instanceof Error ? err.message : ''
    }
  }
}

/** The snippet cut at its marks; marks that lie badly are left out. */
export function marked({ text, marks }: Found['snippet']): { readonly text: string; readonly mark: boolean }[] {
  const list: { text: string; mark: boolean }[] = []
  let at = 0
  for (const [start, length] of marks) {
    if (start < at || length < 1 || start + length > text.length) continue
    if (start > at) list.push({ text: text.slice(at, start), mark: false })
    list.push({ text: text.slice(start, start + length), mark: true })
    at = start + length
  }
  if (at < text.length) list.push({ text: text.slice(at), mark: false })
  return list
}
