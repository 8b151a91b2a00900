import { css, html, nothing, type TemplateResult } from 'lit'
import type { Found, Room } from '@weft/sdk'
import { face } from '../avatars/face.ts'
import { WeftElement } from '../base/element.ts'
import { icons } from '../base/icons.ts'
import { faceSheet, sheet } from '../base/sheet.ts'
import { ago, chat, search as text } from '../text/index.ts'

/** The search starts when the reader has not typed for this long. */
const pauseMs = 250
/** The number of results that are asked for at a time. */
const pageSize = 20

/**
 * `<weft-search>`: searches the messages of a room. Results are newest first.
 *
 * @fires weft-found a result was chosen; `detail.id` is the message
 * @fires weft-search-close the reader closes the search
 */
export class WeftSearch extends WeftElement {
  static override properties = { room: { attribute: false }, results: { state: true }, query: { state: true }, hasMore: { state: true }, error: { state: true } }
  declare room: Room | null
  declare protected results: readonly Found[]
  /** The query that the results belong to; empty before the first search. */
  declare protected query: string
  declare protected hasMore: boolean
  /** Why the last search failed; empty if it did not. */
  declare protected error: string
  #timer: ReturnType<typeof setTimeout> | undefined
  #lastSearch = 0 // the number of the newest search; results of older ones are dropped

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
    this.results = []
    this.query = ''
    this.hasMore = false
    this.error = ''
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
    const isEmpty = this.query !== '' && this.results.length === 0
    return html`<form role="search" @submit=${this.#onSubmit} @keydown=${this.#onKey}>
        <button class="icon" type="button" aria-label=${chat.back} title=${chat.back} @click=${this.#close}>${icons.back}</button>
        <input type="search" name="q" aria-label=${text.label} placeholder=${text.label} maxlength="200" autocomplete="off" dir="auto" enterkeyhint="search" @input=${this.#onInput}>
      </form>
      ${this.error ? html`<p class="none" role="alert">${this.error}</p>` : isEmpty ? html`<p class="none">${text.nothingMatches(this.query)}</p>` : nothing}
      <ul class="results" aria-label=${text.results}>${this.results.map((f) => this.#result(f))}</ul>
      ${this.hasMore ? html`<button class="button line next" @click=${this.#loadMore}>${text.more}</button>` : nothing}
      <div class="gone" role="status">${this.query === '' ? '' : isEmpty ? text.nothingMatches(this.query) : text.found(this.results.length, this.hasMore)}</div>`
  }

  #result({ message: m, snippet }: Found): TemplateResult {
    return html`<li><button class="hit" data-found=${m.id} @click=${() => this.emit('weft-found', { id: m.id })}>${face(m.user)}
      <span><b><bdi>${m.user.name}</bdi></b><time datetime=${m.createdAt} dir="auto">${ago(new Date(m.createdAt), new Date())}</time></span>
      <p dir="auto">${cutAtMarks(snippet).map((s) => s.mark ? html`<mark>${s.text}</mark>` : s.text)}</p></button></li>`
  }

  #onKey = (e: KeyboardEvent): void => {
    if (e.key !== 'Escape' || e.isComposing) return
    e.preventDefault()
    this.#close()
  }

  #close = (): void => { this.emit('weft-search-close', null) }

  #onInput = (): void => {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#search(), pauseMs)
  }

  #onSubmit = (e: Event): void => {
    e.preventDefault()
    clearTimeout(this.#timer)
    void this.#search()
  }

  #loadMore = (): void => { void this.#search(this.results.at(-1)?.message.seq) }

  /** Searches for the text of the field; `before` is the seq below which older results are loaded. */
  async #search(before?: number): Promise<void> {
    const query = this.#field?.value.trim() ?? ''
    const search = ++this.#lastSearch
    this.error = ''
    try {
      const page = query === '' ? [] : await this.room?.chat.search(query, { limit: pageSize, ...(before === undefined ? {} : { before }) }) ?? []
      if (search !== this.#lastSearch) return
      this.results = before === undefined ? page : [...this.results, ...page]
      this.hasMore = page.length === pageSize
      this.query = query
    } catch (err) {
      if (search === this.#lastSearch) this.error = err instanceof Error ? err.message : ''
    }
  }
}

/**
 * Cuts a snippet at its marks, which are [start, length] in UTF-16 code units.
 * Marks that overlap an earlier one, or leave the text, are ignored.
 */
export function cutAtMarks({ text, marks }: Found['snippet']): { readonly text: string; readonly mark: boolean }[] {
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
