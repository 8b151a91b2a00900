import { html, nothing, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import type { Message, Quote, Room, Thread, UserInfo } from '@weft/sdk'
import { WeftElement } from '../base/element.ts'
import { icons } from '../base/icons.ts'
import { faceSheet, sheet } from '../base/sheet.ts'
import { chat as text, search, shortName } from '../text/index.ts'
import { MessageActions } from './actions.ts'
import { Announcer } from './announce.ts'
import type { WeftComposer } from './composer.ts'
import { layOut, type Row } from './log.ts'
import { QuoteWatch } from './quotes.ts'
import { drawn, Reading } from './reading.ts'
import { row, systemLines, type RowHost } from './row.ts'
import { chatSheet } from './sheet.ts'

/**
 * `<weft-chat>`: the conversation of a room. All messages are aligned alike, the
 * reader's own too: beside a page, speech bubbles would distract. A message that
 * mentions the reader is highlighted in yellow. A thread takes the place of the
 * log while it is open.
 *
 * @fires weft-send cancelable, before a message is sent; `detail.text`
 * @fires weft-seen the reader has seen the newest message; `detail.id`
 * @fires weft-quote a quote was pressed; `detail.quote`
 * @fires weft-unread the number of unread messages has changed; `detail.count`
 */
export class WeftChat extends WeftElement {
  static override properties = {
    room: { attribute: false }, canSend: { attribute: false }, thread: {},
    current: { state: true }, editing: { state: true }, searching: { state: true }, announcement: { state: true },
  }
  declare room: Room | null
  declare canSend: boolean
  /** The id of the message whose thread is shown; null shows the chat. */
  declare thread: string | null
  /** The id of the row that Tab reaches; null means the last row. */
  declare protected current: string | null
  declare protected editing: Message | null
  declare protected searching: boolean
  /** The text of the live region. */
  declare protected announcement: string

  static override styles = [sheet, faceSheet, chatSheet]

  readonly #quotes = new QuoteWatch(this, () => this.room)
  readonly #announcer = new Announcer((words) => { this.announcement = words })
  readonly #reading = new Reading(this, {
    log: () => this.renderRoot.querySelector<HTMLElement>('.log'),
    messages: () => this.#messages(),
    row: (id) => this.#rowElement(id),
    onUnread: (count) => this.emit('weft-unread', { count }),
    onSeen: (id) => this.emit('weft-seen', { id }),
  })
  readonly #actions = new MessageActions(this, {
    focusIn: (id, selector) => this.#focusIn(id, selector),
    openThread: (root) => this.#openThread(root),
    edit: (m) => this.#edit(m),
  })

  constructor() {
    super()
    this.room = null
    this.canSend = true
    this.thread = null
    this.current = null
    this.editing = null
    this.searching = false
    this.announcement = ''
  }

  protected override sources() {
    const chat = this.room?.chat
    const thread = this.#thread
    return [chat?.messages, chat?.typing, chat?.hasOlder, chat?.loading, chat?.unread, chat?.lines, this.room?.presence.others, this.room?.presence.me,
      thread?.root, thread?.replies, thread?.typing, thread?.hasOlder, thread?.loading]
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#announcer.stop()
  }

  /** Puts the caret into the composer. */
  override focus(): void {
    this.#composer?.focus()
  }

  /** Puts a text or a quote of the page into the composer, and the caret after it. */
  compose(draft: { readonly text?: string; readonly quote?: Quote }): void {
    this.editing = null
    this.#conversation?.setDraft(draft)
    void this.updateComplete.then(() => this.#composer?.showDraft())
  }

  /** Shows the search of the room's messages in the place of the log. */
  search(): void {
    this.searching = true
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>('weft-search')?.focus())
  }

  /** Scrolls to a message and highlights it for a moment; resolves to false if the message cannot be found. */
  async goTo(id: string): Promise<boolean> {
    const chat = this.room?.chat
    if (!chat || !(this.#rowElement(id) || await chat.reveal(id).catch(() => false))) return false
    const m = chat.messages.get().find((x) => x.id === id)
    const isRootOfThread = m?.thread === undefined && m?.id === this.thread
    if (m && (m.thread ?? null) !== this.thread && !isRootOfThread) this.thread = m.thread ?? null
    await drawn(this)
    const found = this.#rowElement(id)
    if (!found) return false
    found.scrollIntoView({ block: 'center' })
    found.classList.remove('wash')
    requestAnimationFrame(() => found.classList.add('wash'))
    this.#reading.scrolled()
    return true
  }

  scrollToLatest(): void {
    this.#reading.goToEnd()
  }

  /** To be called when the chat becomes visible: messages on screen may now count as read. */
  shown(): void {
    this.#reading.shown()
  }

  /** To be called when the reader leaves the chat: the rule "New" is removed. */
  left(): void {
    this.#reading.clearFirstUnread()
  }

  get #thread(): Thread | null {
    return this.thread !== null && this.room ? this.room.chat.thread(this.thread) : null
  }

  /** The thread that is open, else the chat. */
  get #conversation() { return this.#thread ?? this.room?.chat }
  get #composer(): WeftComposer | null { return this.renderRoot.querySelector<WeftComposer>('weft-composer') }
  #rowElement(id: string): HTMLElement | null { return this.renderRoot.querySelector(`[data-message-id="${CSS.escape(id)}"]`) }

  /** The messages on screen: the chat without the replies in threads, or one thread with its root. */
  #messages(): readonly Message[] {
    const thread = this.#thread
    if (!thread) return (this.room?.chat.messages.get() ?? []).filter((m) => m.thread === undefined)
    const root = thread.root.get()
    return root ? [root, ...thread.replies.get()] : thread.replies.get()
  }

  protected override render(): TemplateResult | typeof nothing {
    const chat = this.room?.chat
    if (!chat) return nothing
    const thread = this.#thread
    const messages = this.#messages()
    const isLoading = (thread ?? chat).loading.get()
    const { rows, rest } = layOut(messages, thread ? {} : { newFrom: this.#reading.firstUnread, lines: chat.lines.get(), whole: !chat.hasOlder.get() && !isLoading })
    const host = this.#rowHost(messages)
    return html`${this.searching ? html`<weft-search .room=${this.room} @weft-found=${this.#onFound} @weft-search-close=${this.#onSearchClosed}></weft-search>` : nothing}
      ${thread && !this.searching ? html`<div class="top"><button class="icon" data-act="back" aria-label=${text.back} title=${text.back} @click=${() => this.#openThread(null)}>${icons.back}</button><b>${text.thread}</b></div>` : nothing}
      <div class="middle" ?hidden=${this.searching}>
        <div class="log" part="log" role="log" aria-live="off" aria-label=${thread ? text.thread : text.label} aria-busy=${isLoading} @scroll=${this.#reading.scrolled} @keydown=${this.#onKey} @focusin=${this.#onFocus}>
          <div class="rows">
            ${rows.length === 0 && !isLoading ? html`<p class="empty">${text.empty}</p>` : repeat(rows, (r) => r.message.id, (r) => this.#row(r, host, thread))}
            ${isLoading ? nothing : systemLines(rest, host.me)}
          </div>
        </div>
        <button class="icon find" part="search" aria-label=${search.label} title=${search.label} @click=${() => this.search()}>${icons.search}</button>
        ${this.#reading.below.length > 0 ? this.#newBelow(this.#reading.below) : nothing}
      </div>
      ${this.#typing((thread ?? chat).typing.get())}
      ${this.#actions.error ? html`<p class="trouble" role="alert">${text.notChanged(this.#actions.error)}</p>` : nothing}
      ${this.canSend
        ? html`<weft-composer .room=${this.room} .thread=${this.thread} .editing=${this.editing} .people=${this.#mentionable()}
            @weft-compose=${this.#onCompose} @weft-edited=${this.#onEdited} @weft-edit-last=${this.#onEditLast}></weft-composer>`
        : html`<p class="join">${text.joinToWrite}</p>`}
      <div class="gone" data-announcer aria-live="polite">${this.announcement}</div>`
  }

  /** A row, and in a thread the number of replies below the root. */
  #row(r: Row, host: RowHost, thread: Thread | null): TemplateResult {
    const drawnRow = row(r, host)
    if (!thread || r.message.id !== this.thread) return drawnRow
    const n = thread.replies.get().length
    return html`${drawnRow}<div class="day">${n === 0 ? text.noReplies : text.replies(n)}</div>`
  }

  #rowHost(messages: readonly Message[]): RowHost {
    const people = new Map(this.#mentionable().map((p) => [p.id, p]))
    const me = this.room?.presence.me.get()
    if (me) people.set(me.id, me)
    const states = new Map((this.room?.presence.others.get() ?? []).map((p) => [p.id, p.state]))
    const current = messages.some((m) => m.id === this.current) ? this.current : messages.at(-1)?.id ?? null
    return {
      me: me?.id, canSend: this.canSend, canOpenThreads: this.thread === null, open: this.#actions.open, current,
      person: (id) => people.get(id),
      state: (id) => id === me?.id ? me.state : states.get(id) ?? 'gone',
      quoteState: (quote) => this.#quotes.state(quote),
      run: (action, m) => this.#actions.run(action, m),
      react: (m, emoji) => this.#actions.react(m, emoji),
      showQuote: (quote) => void this.emit('weft-quote', { quote }),
    }
  }

  /** The button that counts the unread messages below and goes to the first of them. */
  #newBelow(below: readonly Message[]): TemplateResult {
    const first = below[0]
    const isOneAuthor = new Set(below.map((m) => m.user.id)).size === 1
    return html`<div class="more"><button part="new-pill" data-new=${below.length} @click=${() => first && void this.goTo(first.id)}>${icons.down}
      ${text.newBelow(below.length, isOneAuthor && first ? shortName(first.user.name) : undefined)}</button></div>`
  }

  #typing(people: readonly UserInfo[]): TemplateResult {
    const line = text.typing(people.map((p) => shortName(p.name)))
    return html`<div class="typing" part="typing" data-typing=${people.length}>${line === '' ? nothing
      : html`<span class="dots" aria-hidden="true"><i></i><i></i><i></i></span><span>${line}</span>`}</div>`
  }

  /** Everybody whom an @ may name: the people here, then the authors of messages. Without the reader. */
  #mentionable(): UserInfo[] {
    const me = this.room?.presence.me.get()?.id
    const people = new Map<string, UserInfo>()
    for (const p of this.room?.presence.others.get() ?? []) people.set(p.id, p)
    for (const m of this.room?.chat.messages.get() ?? []) if (!people.has(m.user.id)) people.set(m.user.id, m.user)
    if (me) people.delete(me)
    return [...people.values()]
  }

  #edit(m: Message): void {
    this.editing = m
    void this.updateComplete.then(() => this.#composer?.focus())
  }

  #openThread(root: string | null): void {
    const before = this.thread
    this.thread = root
    this.editing = null
    this.#reading.followEnd()
    void drawn(this).then(() => {
      if (root !== null) return this.focus()
      if (before === null) return
      this.#rowElement(before)?.scrollIntoView({ block: 'nearest' })
      this.#reading.scrolled()
      this.#focusIn(before, '')
    })
  }

  /** Focuses a row, or the first element in it that matches the selector, once it is drawn. */
  #focusIn(id: string, selector: string): void {
    void this.updateComplete.then(() => {
      const found = this.#rowElement(id)
      const target = selector === '' ? found : found?.querySelector<HTMLElement>(selector)
      target?.focus({ preventScroll: selector === '' })
    })
  }

  #onEditLast = (): void => {
    const mine = this.#messages().filter((m) => m.mine && m.state === 'sent' && !m.deleted).at(-1)
    if (mine) this.#edit(mine)
  }

  #onEdited = (e: CustomEvent<{ id: string; text: string } | null>): void => {
    e.stopPropagation()
    const before = this.editing
    this.editing = null
    if (e.detail && before && e.detail.text !== before.text) this.#actions.changeText(e.detail.id, e.detail.text)
    void this.updateComplete.then(() => this.#composer?.focus())
  }

  #onCompose = (e: CustomEvent<{ text: string; quote?: Quote }>): void => {
    e.stopPropagation()
    const { text: words, quote } = e.detail
    if (!this.emit('weft-send', { text: words }, true)) return this.compose(e.detail) // what was written goes back into the composer
    this.#reading.followEnd()
    this.#reading.clearFirstUnread()
    void this.#conversation?.send({ text: words, ...(quote ? { quote } : {}) }).catch(() => undefined) // the row shows the error
  }

  #onFound = (e: CustomEvent<{ id: string }>): void => {
    this.searching = false
    void this.goTo(e.detail.id).then((isFound) => { if (isFound) this.#focusIn(e.detail.id, '') })
  }

  #onSearchClosed = (): void => {
    this.searching = false
    void this.updateComplete.then(() => this.focus())
  }

  #onFocus = (e: FocusEvent): void => {
    const focused = e.target instanceof Element ? e.target.closest<HTMLElement>('[data-message-id]') : null
    if (focused) this.current = focused.dataset['messageId'] ?? null
  }

  /** Arrow keys go from row to row. Enter goes to the actions of a row, Escape to the composer. */
  #onKey = (e: KeyboardEvent): void => {
    const focused = e.target
    if (!(focused instanceof HTMLElement) || !focused.matches('[data-message-id]')) return
    const rows = [...this.renderRoot.querySelectorAll<HTMLElement>('[data-message-id]')]
    const i = rows.indexOf(focused)
    const targets: { readonly [key: string]: () => HTMLElement | null | undefined } = {
      ArrowUp: () => rows[i - 1], ArrowDown: () => rows[i + 1], Home: () => rows[0], End: () => rows.at(-1),
      Enter: () => focused.querySelector<HTMLElement>('.actions button'), Escape: () => this.#composer,
    }
    const target = targets[e.key]?.()
    if (!target) return
    e.preventDefault()
    target.focus()
  }

  protected override updated(): void {
    const chat = this.room?.chat
    if (chat) this.#announcer.update(chat.messages.get(), { isLoaded: !chat.loading.get(), isWriting: this.#composer?.isWriting ?? false })
  }
}
