import { html, nothing, type PropertyValues, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import type { Message, MessagePart, Quote, Room, UserInfo } from '@weft/sdk'
import { face } from '../avatars/face.ts'
import { WeftElement } from '../base/element.ts'
import { icons } from '../base/icons.ts'
import { faceSheet, sheet } from '../base/sheet.ts'
import { clockTime, dayName, listed, shortName, typingLine } from '../base/words.ts'
import type { WeftComposer } from './composer.ts'
import { isEmoji, rows, type Row } from './log.ts'
import { QuoteWatch } from './quotes.ts'
import { chatSheet } from './sheet.ts'

/** Nearer to the end than this the log follows what comes. */
const pinnedPx = 80

/**
 * `<weft-chat>`: the conversation. Everybody is on the left, the reader too:
 * beside a page, bubbles are noise. A message that names the reader has the
 * highlighter's yellow.
 *
 * @fires weft-send cancelable, before a message goes; `detail.text`
 * @fires weft-seen the newest message the reader has on screen; `detail.id`
 * @fires weft-quote a quote was pressed; `detail.quote`
 * @fires weft-unread how many messages came while nobody looked; `detail.count`
 */
export class WeftChat extends WeftElement {
  static override properties = { room: { attribute: false }, canSend: { attribute: false }, below: { state: true } }
  declare room: Room | null
  declare canSend: boolean
  /** Rows that came below what the reader sees. */
  declare protected below: readonly Message[]

  static override styles = [sheet, faceSheet, chatSheet]

  readonly #quotes = new QuoteWatch(this, () => this.room)
  #pinned = true
  #seen: string | null = null // the last row the reader saw, by id
  #newFrom: string | null = null
  #known = 0
  #unread = 0
  #told = false // of the newest row being seen, at least once
  #loadingOlder = false
  #heard: Message | null = null // the last row that was announced

  constructor() {
    super()
    this.room = null
    this.canSend = true
    this.below = []
  }

  protected override sources() {
    const chat = this.room?.chat
    return [chat?.messages, chat?.typing, chat?.hasOlder, chat?.loading, this.room?.presence.others, this.room?.presence.me]
  }

  override connectedCallback(): void {
    super.connectedCallback()
    document.addEventListener('visibilitychange', this.#look)
    addEventListener('focus', this.#look)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    document.removeEventListener('visibilitychange', this.#look)
    removeEventListener('focus', this.#look)
  }

  /** Puts the caret into the composer. */
  override focus(): void {
    this.renderRoot.querySelector<HTMLElement>('weft-composer')?.focus()
  }

  /** Puts words or a quote of the page into the composer, and the caret after them. */
  compose(draft: { readonly text?: string; readonly quote?: Quote }): void {
    this.room?.chat.setDraft(draft)
    void this.updateComplete.then(() => this.renderRoot.querySelector<WeftComposer>('weft-composer')?.resume())
  }

  /** Brings a message into view and washes it; false if it is not loaded. */
  goTo(id: string): boolean {
    const row = this.renderRoot.querySelector(`[data-message-id="${CSS.escape(id)}"]`)
    if (!row) return false
    row.scrollIntoView({ block: 'center' })
    row.classList.remove('wash')
    requestAnimationFrame(() => row.classList.add('wash'))
    return true
  }

  scrollToLatest(): void {
    const log = this.#log
    if (log) log.scrollTop = log.scrollHeight
  }

  /** The panel came into view: what is on screen now counts as seen. */
  shown(): void {
    if (this.#pinned) this.scrollToLatest()
    this.#look()
  }

  protected override render(): TemplateResult | typeof nothing {
    const chat = this.room?.chat
    if (!chat) return nothing
    const messages = chat.messages.get()
    const list = rows(messages, this.#newFrom)
    return html`<div class="middle">
        <div class="log" part="log" role="log" aria-live="off" aria-label="Chat" tabindex="0" @scroll=${this.#scroll}>
          <div class="rows">
            ${list.length === 0 && !chat.loading.get()
              ? html`<p class="empty">No messages yet. Say what you are working on, or select text in the page and choose Discuss.</p>`
              : repeat(list, (r) => r.message.id, (r) => this.#row(r))}
          </div>
        </div>
        ${this.below.length > 0 ? this.#more() : nothing}
      </div>
      ${this.#typing(chat.typing.get())}
      ${this.canSend
        ? html`<weft-composer .room=${this.room} .people=${this.#people()} @weft-compose=${this.#send}></weft-composer>`
        : html`<p class="join">Join to write.</p>`}
      <div class="gone" aria-live="polite">${this.#announcement(messages)}</div>`
  }

  #row(r: Row): TemplateResult {
    const { message: m } = r
    const names = `row${r.continues ? ' continues' : ''}${m.mentionsMe ? ' me' : ''}${m.mine ? ' mine' : ''}`
    return html`${r.opensDay ? html`<div class="day">${dayName(r.at, new Date())}</div>` : nothing}
      ${r.opensNew ? html`<div class="new">New</div>` : nothing}
      <article class=${names} part=${m.mine ? 'row mine' : 'row'} data-message-id=${m.id} data-state=${m.state}
        aria-label="${m.user.name}, ${clockTime(r.at)}${m.mentionsMe ? ', mentions you' : ''}">
        ${r.continues ? nothing : html`${face(m.user)}<div class="head"><bdi>${m.user.name}</bdi>
          <time datetime=${m.createdAt} title=${r.at.toLocaleString()}>${clockTime(r.at)}</time></div>`}
        ${m.quote?.text ? this.#quote(m.quote) : nothing}
        ${m.deleted
          ? html`<div class="text gone-text">Message removed</div>`
          : html`<div class="text ${isEmoji(m.text) ? 'emoji' : ''}" dir="auto">${m.parts.map((p) => this.#part(p))}</div>`}
        ${this.#foot(m)}
      </article>`
  }

  #quote(quote: Quote): TemplateResult {
    const state = this.#quotes.state(quote)
    const words = html`${icons.quote}<span><q dir="auto">${quote.text}</q>${state === 'changed' ? html` <small>Edited since</small>`
      : state === 'gone' ? html` <small>Removed from the page</small>` : nothing}</span>`
    return state === 'live' || state === 'changed'
      ? html`<button class="quote" part="quote" data-quote=${state} title="Show in the page" @click=${() => this.tell('weft-quote', { quote })}>${words}</button>`
      : html`<div class="quote" part="quote" data-quote=${state ?? nothing}>${words}</div>`
  }

  #part(p: MessagePart): TemplateResult | string {
    switch (p.type) {
      case 'bold': return html`<strong>${p.parts.map((x) => this.#part(x))}</strong>`
      case 'italic': return html`<em>${p.parts.map((x) => this.#part(x))}</em>`
      case 'strike': return html`<s>${p.parts.map((x) => this.#part(x))}</s>`
      case 'link': return html`<a href=${p.href} title=${p.text === p.href ? nothing : p.href} target="_blank" rel="noopener nofollow ugc">${p.text}</a>`
      case 'code': return html`<code>${p.text}</code>`
      case 'codeblock': return html`<pre>${p.text}</pre>`
      case 'mention': {
        const me = this.room?.presence.me.get()?.id
        const known = this.#people().find((u) => u.id === p.id)
        const slot = known && 'slot' in known ? ` c${Number(known.slot) % 12}` : ''
        return html`<span class="chip ${p.id === me || p.id === '@room' ? 'me' : slot}" part="mention">${p.text}</span>`
      }
      default: return p.text
    }
  }

  #foot(m: Message): TemplateResult | typeof nothing {
    if (m.state === 'queued') return html`<div class="foot">${icons.clock} Will send when online</div>`
    if (m.state !== 'failed') return m.editedAt ? html`<div class="foot">Edited</div>` : nothing
    return html`<div class="foot failed" role="alert"><span>Not sent. ${m.error?.message ?? ''}</span>
      <button @click=${() => void this.room?.chat.retry(m.id).catch(() => undefined)}>Retry</button>
      <button @click=${() => this.room?.chat.discard(m.id)}>Delete</button></div>`
  }

  #more(): TemplateResult {
    const first = this.below[0]
    const from = new Set(this.below.map((m) => m.user.name))
    return html`<div class="more"><button part="new-pill" data-new=${this.below.length} @click=${() => first && this.goTo(first.id)}>${icons.down}
      ${this.below.length} new${from.size === 1 && first ? `, from ${shortName(first.user.name)}` : ''}</button></div>`
  }

  #typing(people: readonly UserInfo[]): TemplateResult {
    const line = typingLine(people.map((p) => shortName(p.name)))
    return html`<div class="typing" part="typing" data-typing=${people.length}>${line === '' ? nothing
      : html`<span class="dots" aria-hidden="true"><i></i><i></i><i></i></span><span>${line}</span>`}</div>`
  }

  /** Everybody an @ may mean: who is here, then who has written. Without me. */
  #people(): UserInfo[] {
    const me = this.room?.presence.me.get()?.id
    const all = new Map<string, UserInfo>()
    for (const p of this.room?.presence.others.get() ?? []) all.set(p.id, p)
    for (const m of this.room?.chat.messages.get() ?? []) if (!all.has(m.user.id)) all.set(m.user.id, m.user)
    if (me) all.delete(me)
    return [...all.values()]
  }

  /** Says what others write, never history, and only the newest of a burst. */
  #announcement(messages: readonly Message[]): string {
    const last = messages.at(-1)
    if (!last || last.mine || last.id === this.#heard?.id) return ''
    const first = this.#heard === null && this.#known === 0
    this.#heard = last
    return first ? '' : `${last.user.name}: ${last.text.slice(0, 200)}`
  }

  #send = (e: CustomEvent<{ text: string; quote?: Quote }>): void => {
    e.stopPropagation()
    const { text, quote } = e.detail
    if (!this.tell('weft-send', { text }, true)) return this.compose(e.detail) // nothing that was written is lost
    this.#pinned = true
    void this.room?.chat.send({ text, ...(quote ? { quote } : {}) }).catch(() => undefined) // the row says what failed
  }

  get #log(): HTMLElement | null {
    return this.renderRoot.querySelector('.log')
  }

  #scroll = (): void => {
    const log = this.#log
    if (!log) return
    this.#pinned = log.scrollHeight - log.scrollTop - log.clientHeight < pinnedPx
    if (this.#pinned) this.#look()
    if (log.scrollTop < 60) void this.#older(log)
  }

  async #older(log: HTMLElement): Promise<void> {
    const chat = this.room?.chat
    if (!chat || this.#loadingOlder || !chat.hasOlder.get()) return
    this.#loadingOlder = true
    const anchor = [...this.renderRoot.querySelectorAll<HTMLElement>('.row')].find((r) => r.getBoundingClientRect().bottom > log.getBoundingClientRect().top)
    const top = anchor?.getBoundingClientRect().top ?? 0
    await chat.loadOlder().catch(() => undefined)
    await Promise.resolve() // the readable tells its subscribers in a microtask
    await this.updateComplete
    if (anchor) log.scrollTop += anchor.getBoundingClientRect().top - top
    this.#loadingOlder = false
  }

  protected override updated(_changed: PropertyValues): void {
    const messages = this.room?.chat.messages.get() ?? []
    if (this.#pinned && !this.#loadingOlder) this.scrollToLatest()
    if (messages.length !== this.#known) {
      this.#known = messages.length
      this.#count()
    }
  }

  /** Visible, in front, and at the end: everything is seen. */
  #look = (): void => {
    const last = this.room?.chat.messages.get().at(-1)
    if (!last || !this.#pinned || !this.#watched) return
    if (this.#seen !== last.id) this.#told = false
    this.#seen = last.id
    this.#count()
  }

  get #watched(): boolean {
    return document.visibilityState === 'visible' && document.hasFocus() && this.checkVisibility()
  }

  #count(): void {
    const messages = this.room?.chat.messages.get() ?? []
    const last = messages.at(-1)
    const before = this.#seen
    if (this.#seen === null || (this.#pinned && this.#watched) || last?.mine) this.#seen = last?.id ?? null
    const at = messages.findIndex((m) => m.id === this.#seen)
    const missed = this.#seen === null ? [] : messages.slice(at + 1).filter((m) => !m.mine)
    const first = missed[0]?.id ?? null
    if (first !== null && !this.#watched) this.#newFrom ??= first
    if (last?.mine) this.#newFrom = null
    const below = this.#pinned ? [] : missed
    if (below.length !== this.below.length) this.below = below
    if (missed.length !== this.#unread) this.tell('weft-unread', { count: this.#unread = missed.length })
    if (last && this.#seen === last.id && (this.#seen !== before || !this.#told)) {
      this.#told = true
      this.tell('weft-seen', { id: last.id })
    }
  }
}
