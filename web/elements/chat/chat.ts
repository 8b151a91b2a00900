import { html, nothing, type PropertyValues, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import type { Message, Quote, Room, Thread, UserInfo } from '@weft/sdk'
import { WeftElement } from '../base/element.ts'
import { icons } from '../base/icons.ts'
import { faceSheet, sheet } from '../base/sheet.ts'
import { chat as text, search, shortName } from '../text/index.ts'
import { Announcer } from './announce.ts'
import type { WeftComposer } from './composer.ts'
import { layOut, type Row } from './log.ts'
import { Place } from './place.ts'
import { QuoteWatch } from './quotes.ts'
import { row, systemLines, type Action, type Open, type RowHost } from './row.ts'
import { chatSheet } from './sheet.ts'

/** Nearer to the start than this the log reads back. */
const startPx = 60
/** A row that was half on screen this long, in front of the reader, is read. */
const dwellMs = 600

/**
 * `<weft-chat>`: the conversation. Everybody is on the left, the reader too:
 * beside a page, bubbles are noise. A message that names the reader has the
 * highlighter's yellow. A thread takes the place of the log while it is open.
 *
 * @fires weft-send cancelable, before a message goes; `detail.text`
 * @fires weft-seen the newest message is on screen, before the reader; `detail.id`
 * @fires weft-quote a quote was pressed; `detail.quote`
 * @fires weft-unread how many messages are unread, when that changed; `detail.count`
 */
export class WeftChat extends WeftElement {
  static override properties = {
    room: { attribute: false }, canSend: { attribute: false }, thread: {}, below: { state: true }, open: { state: true },
    current: { state: true }, editing: { state: true }, searching: { state: true }, news: { state: true }, trouble: { state: true },
  }
  declare room: Room | null
  declare canSend: boolean
  /** The message whose thread is shown; null shows the chat. */
  declare thread: string | null
  /** Rows that came below what the reader sees. */
  declare protected below: readonly Message[]
  declare protected open: Open
  declare protected current: string | null
  declare protected editing: Message | null
  declare protected searching: boolean
  /** What a screen reader is told. */
  declare protected news: string
  declare protected trouble: string

  static override styles = [sheet, faceSheet, chatSheet]

  readonly #quotes = new QuoteWatch(this, () => this.room)
  readonly #announcer = new Announcer((words) => { this.news = words })
  readonly #place = new Place(this, () => this.#log)
  #newFrom: string | null = null // under the rule "New"
  #placed = false // the log has been scrolled to where reading goes on
  #unread = -1
  #older: Promise<void> | null = null
  #dwell: ReturnType<typeof setTimeout> | undefined

  constructor() {
    super()
    this.room = null
    this.canSend = true
    this.thread = null
    this.below = []
    this.open = null
    this.current = null
    this.editing = null
    this.searching = false
    this.news = ''
    this.trouble = ''
  }

  protected override sources() {
    const chat = this.room?.chat
    const thread = this.#thread
    return [chat?.messages, chat?.typing, chat?.hasOlder, chat?.loading, chat?.unread, chat?.lines, this.room?.presence.others, this.room?.presence.me,
      thread?.root, thread?.replies, thread?.typing, thread?.hasOlder, thread?.loading]
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
    clearTimeout(this.#dwell)
    this.#announcer.stop()
  }

  /** Puts the caret into the composer. */
  override focus(): void {
    this.#composer?.focus()
  }

  /** Puts words or a quote of the page into the composer, and the caret after them. */
  compose(draft: { readonly text?: string; readonly quote?: Quote }): void {
    this.editing = null
    const conversation = this.#thread ?? this.room?.chat
    conversation?.setDraft(draft)
    void this.updateComplete.then(() => this.#composer?.resume())
  }

  /** Shows a field to search the room's messages with, in the place of the log. */
  search(): void {
    this.searching = true
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>('weft-search')?.focus())
  }

  /** Brings a message into view and washes it; false if it cannot be found. */
  async goTo(id: string): Promise<boolean> {
    const chat = this.room?.chat
    if (!chat || !(this.#find(id) || await chat.reveal(id).catch(() => false))) return false
    const m = chat.messages.get().find((x) => x.id === id)
    if (m && (m.thread ?? null) !== this.thread && !(m.thread === undefined && m.id === this.thread)) this.thread = m.thread ?? null
    await this.#drawn()
    const found = this.#find(id)
    if (!found) return false
    found.scrollIntoView({ block: 'center' })
    found.classList.remove('wash')
    requestAnimationFrame(() => found.classList.add('wash'))
    this.#scrolled()
    return true
  }

  scrollToLatest(): void {
    this.#place.follow()
    this.#place.keep()
  }

  /** The panel came into view: what is on screen now counts as seen. */
  shown(): void {
    this.#place.keep()
    this.#readBack()
    this.#look()
  }

  /** The panel was left: the rule "New" has done its work. */
  left(): void {
    this.#newFrom = null
  }

  get #thread(): Thread | null {
    return this.thread !== null && this.room ? this.room.chat.thread(this.thread) : null
  }

  get #composer(): WeftComposer | null { return this.renderRoot.querySelector<WeftComposer>('weft-composer') }
  get #log(): HTMLElement | null { return this.renderRoot.querySelector('.log') }
  #find(id: string): HTMLElement | null { return this.renderRoot.querySelector(`[data-message-id="${CSS.escape(id)}"]`) }

  /** What is shown: the chat without its threads' replies, or one thread. */
  #shown(): readonly Message[] {
    const thread = this.#thread
    if (!thread) return (this.room?.chat.messages.get() ?? []).filter((m) => m.thread === undefined)
    const root = thread.root.get()
    return root ? [root, ...thread.replies.get()] : thread.replies.get()
  }

  protected override render(): TemplateResult | typeof nothing {
    const chat = this.room?.chat
    if (!chat) return nothing
    const thread = this.#thread
    const shown = this.#shown()
    const loading = (thread ?? chat).loading.get()
    const { rows: list, rest } = layOut(shown, thread ? {} : { newFrom: this.#newFrom, lines: chat.lines.get(), whole: !chat.hasOlder.get() && !loading })
    const host = this.#host(shown)
    return html`${this.searching ? html`<weft-search .room=${this.room} @weft-found=${this.#found} @weft-search-close=${this.#searched}></weft-search>` : nothing}
      ${thread && !this.searching ? html`<div class="top"><button class="icon" data-act="back" aria-label=${text.back} title=${text.back} @click=${() => this.#openThread(null)}>${icons.back}</button><b>${text.thread}</b></div>` : nothing}
      <div class="middle" ?hidden=${this.searching}>
        <div class="log" part="log" role="log" aria-live="off" aria-label=${thread ? text.thread : text.label} aria-busy=${loading} @scroll=${this.#scrolled} @keydown=${this.#key} @focusin=${this.#focused}>
          <div class="rows">
            ${list.length === 0 && !loading ? html`<p class="empty">${text.empty}</p>` : repeat(list, (r) => r.message.id, (r) => this.#row(r, host, thread))}
            ${loading ? nothing : systemLines(rest, host.me)}
          </div>
        </div>
        <button class="icon find" part="search" aria-label=${search.label} title=${search.label} @click=${() => this.search()}>${icons.search}</button>
        ${this.below.length > 0 ? this.#more() : nothing}
      </div>
      ${this.#typing((thread ?? chat).typing.get())}
      ${this.trouble ? html`<p class="trouble" role="alert">${text.notChanged(this.trouble)}</p>` : nothing}
      ${this.canSend
        ? html`<weft-composer .room=${this.room} .thread=${this.thread} .editing=${this.editing} .people=${this.#people()}
            @weft-compose=${this.#send} @weft-edited=${this.#edited} @weft-edit-last=${this.#editLast}></weft-composer>`
        : html`<p class="join">${text.joinToWrite}</p>`}
      <div class="gone" data-announcer aria-live="polite">${this.news}</div>`
  }

  #row(r: Row, host: RowHost, thread: Thread | null): TemplateResult {
    const drawn = row(r, host)
    if (!thread || r.message.id !== this.thread) return drawn
    const n = thread.replies.get().length
    return html`${drawn}<div class="day">${n === 0 ? text.noReplies : text.replies(n)}</div>`
  }

  #host(shown: readonly Message[]): RowHost {
    const people = new Map(this.#people().map((p) => [p.id, p]))
    const me = this.room?.presence.me.get()
    if (me) people.set(me.id, me)
    const here = new Map((this.room?.presence.others.get() ?? []).map((p) => [p.id, p.state]))
    const current = shown.some((m) => m.id === this.current) ? this.current : shown.at(-1)?.id ?? null
    return {
      me: me?.id, canSend: this.canSend, threads: this.thread === null, open: this.open, current,
      person: (id) => people.get(id),
      state: (id) => id === me?.id ? me.state : here.get(id) ?? 'gone',
      quoteState: (quote) => this.#quotes.state(quote),
      act: (what, m) => this.#act(what, m),
      react: (m, emoji) => this.#react(m, emoji),
      toQuote: (quote) => void this.tell('weft-quote', { quote }),
    }
  }

  #more(): TemplateResult {
    const first = this.below[0]
    const one = new Set(this.below.map((m) => m.user.id)).size === 1
    return html`<div class="more"><button part="new-pill" data-new=${this.below.length} @click=${() => first && void this.goTo(first.id)}>${icons.down}
      ${text.newBelow(this.below.length, one && first ? shortName(first.user.name) : undefined)}</button></div>`
  }

  #typing(people: readonly UserInfo[]): TemplateResult {
    const line = text.typing(people.map((p) => shortName(p.name)))
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

  #act(what: Action, m: Message): void {
    const chat = this.room?.chat
    const had = this.open
    this.open = null
    switch (what) {
      case 'react':
        if (had?.id === m.id && had.what === 'react') return
        this.open = { id: m.id, what: 'react' }
        return this.#focusIn(m.id, '.picker button')
      case 'remove':
        this.open = { id: m.id, what: 'remove' }
        return this.#focusIn(m.id, '.sure button')
      case 'close': return this.#focusIn(m.id, '')
      case 'reply': return this.#openThread(m.id)
      case 'edit': return this.#edit(m)
      case 'removed':
        this.#focusIn(m.id, '')
        return this.#try(chat?.remove(m.id))
      case 'retry': return void chat?.retry(m.id).catch(() => undefined)
      case 'discard': return chat?.discard(m.id)
      case 'copy': return void navigator.clipboard.writeText(m.text).catch(() => undefined)
    }
  }

  #react(m: Message, emoji: string): void {
    if (this.open?.id === m.id) this.#act('close', m)
    this.#try(this.room?.chat.react(m.id, emoji))
  }

  /** What was asked shows at once; if it is refused, that is said. */
  #try(asked: Promise<unknown> | undefined): void {
    this.trouble = ''
    asked?.catch((err: unknown) => { this.trouble = err instanceof Error ? err.message : '' })
  }

  #edit(m: Message): void {
    this.editing = m
    void this.updateComplete.then(() => this.#composer?.focus())
  }

  #editLast = (): void => {
    const mine = this.#shown().filter((m) => m.mine && m.state === 'sent' && !m.deleted).at(-1)
    if (mine) this.#edit(mine)
  }

  #found = (e: CustomEvent<{ id: string }>): void => {
    this.searching = false
    void this.goTo(e.detail.id).then((there) => { if (there) this.#focusIn(e.detail.id, '') })
  }

  #searched = (): void => {
    this.searching = false
    void this.updateComplete.then(() => this.focus())
  }

  #edited = (e: CustomEvent<{ id: string; text: string } | null>): void => {
    e.stopPropagation()
    const was = this.editing
    this.editing = null
    if (e.detail && was && e.detail.text !== was.text) this.#try(this.room?.chat.edit(e.detail.id, e.detail.text))
    void this.updateComplete.then(() => this.#composer?.focus())
  }

  #openThread(root: string | null): void {
    const from = this.thread
    this.thread = root
    this.editing = null
    this.#place.follow()
    void this.#drawn().then(() => {
      if (root !== null) return this.focus()
      if (from === null) return
      this.#find(from)?.scrollIntoView({ block: 'nearest' })
      this.#scrolled()
      this.#focusIn(from, '')
    })
  }

  /** Puts the focus on a row, or on something in it, once it is drawn. */
  #focusIn(id: string, what: string): void {
    void this.updateComplete.then(() => {
      const found = this.#find(id)
      const target = what === '' ? found : found?.querySelector<HTMLElement>(what)
      target?.focus({ preventScroll: what === '' })
    })
  }

  #send = (e: CustomEvent<{ text: string; quote?: Quote }>): void => {
    e.stopPropagation()
    const { text, quote } = e.detail
    if (!this.tell('weft-send', { text }, true)) return this.compose(e.detail) // nothing that was written is lost
    this.#place.follow()
    this.#newFrom = null
    const conversation = this.#thread ?? this.room?.chat
    void conversation?.send({ text, ...(quote ? { quote } : {}) }).catch(() => undefined) // the row says what failed
  }

  #focused = (e: FocusEvent): void => {
    const at = e.target instanceof Element ? e.target.closest<HTMLElement>('[data-message-id]') : null
    if (at) this.current = at.dataset['messageId'] ?? null
  }

  /** Arrows go from row to row; what a row offers follows it in the order of Tab. */
  #key = (e: KeyboardEvent): void => {
    const at = e.target
    if (!(at instanceof HTMLElement) || !at.matches('[data-message-id]')) return
    const all = [...this.renderRoot.querySelectorAll<HTMLElement>('[data-message-id]')]
    const i = all.indexOf(at)
    const to = e.key === 'ArrowUp' ? all[i - 1] : e.key === 'ArrowDown' ? all[i + 1] : e.key === 'Home' ? all[0] : e.key === 'End' ? all.at(-1)
      : e.key === 'Enter' ? at.querySelector<HTMLElement>('.actions button') : e.key === 'Escape' ? this.#composer : undefined
    if (!to) return
    e.preventDefault()
    to.focus()
  }

  #scrolled = (): void => {
    this.#place.keep()
    this.#count()
    this.#look()
    this.#readBack()
  }

  /** Loads older messages while the start of the log is near. */
  #readBack(): void {
    const from = this.#thread ?? this.room?.chat
    const log = this.#log
    if (!from || !log || log.clientHeight === 0 || log.scrollTop > startPx || this.#older || !from.hasOlder.get()) return
    this.#older = from.loadOlder().then(() => this.#drawn()).then(() => {
      this.#older = null
      this.#readBack() // there may be room for more
    }, () => { this.#older = null }) // the next scroll or change asks again
  }

  /** After what has changed by now is on screen. */
  async #drawn(): Promise<void> {
    await Promise.resolve() // a readable tells its subscribers in a microtask
    await this.updateComplete
  }

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed)
    if (changed.has('room')) this.#placed = false
    const chat = this.room?.chat
    if (!chat || this.#placed || chat.loading.get()) return
    const { read, count } = chat.unread.get()
    if (count > 0) this.#newFrom = this.#shown().find((m) => (m.seq ?? 0) > read && !m.mine)?.id ?? null
  }

  protected override updated(): void {
    const chat = this.room?.chat
    if (!chat || !this.#log) return
    if (!this.#placed && !chat.loading.get()) {
      this.#placed = true
      const first = this.#newFrom === null ? null : this.#find(this.#newFrom)
      first?.scrollIntoView({ block: 'center' })
      if (!first) this.#place.follow()
      this.#place.keep()
    }
    if (!chat.loading.get()) this.#readBack()
    this.#announcer.hear(chat.messages.get(), !chat.loading.get(), this.#composer?.writing ?? false)
    this.#count()
    this.#look()
  }

  get #watched(): boolean {
    return document.visibilityState === 'visible' && document.hasFocus() && this.checkVisibility()
  }

  /** What stays half on screen for a moment, before the reader, is read. */
  #look = (): void => {
    if (this.#dwell !== undefined || !this.#watched) return
    this.#dwell = setTimeout(() => {
      this.#dwell = undefined
      const chat = this.room?.chat
      const log = this.#log
      if (!chat || !log || log.clientHeight === 0 || !this.#watched || this.thread !== null) return
      const shown = this.#shown()
      const last = shown.at(-1)
      if (!last) return
      const { bottom } = log.getBoundingClientRect()
      const seen = [...shown].reverse().find((m) => {
        const box = this.#find(m.id)?.getBoundingClientRect()
        return box && (box.top + box.bottom) / 2 <= bottom
      })
      if (seen?.seq !== undefined) chat.markRead(seen === last ? undefined : seen.seq)
      if (seen === last) this.tell('weft-seen', { id: last.id })
    }, dwellMs)
  }

  #count(): void {
    const chat = this.room?.chat
    if (!chat) return
    const { read, count } = chat.unread.get()
    if (count !== this.#unread) this.tell('weft-unread', { count: this.#unread = count })
    const missed = this.thread === null && !chat.loading.get() ? this.#shown().filter((m) => (m.seq ?? 0) > read && !m.mine && !m.deleted) : []
    if (missed[0] && !this.#watched && this.#placed) this.#newFrom ??= missed[0].id
    const below = this.#place.pinned || !this.#placed ? [] : missed
    if (below.length !== this.below.length || below[0] !== this.below[0]) this.below = below
  }
}
