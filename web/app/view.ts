import { html, nothing, type PropertyValues, type TemplateResult } from 'lit'
import { live } from 'lit/directives/live.js'
import type { Client, Quote, Room } from '@weft/sdk'
import { WeftElement } from '../elements/base/element.ts'
import { icons } from '../elements/base/icons.ts'
import { skeleton } from '../elements/base/skeleton.ts'
import { space as text } from '../elements/text/index.ts'
import type { WeftChat } from '../elements/chat/chat.ts'
import type { WeftPage } from '../elements/page/page.ts'
import type { Outline } from '../elements/rail/rail.ts'
import { titleFromRoom } from './address.ts'
import type { Title } from './title.ts'

type Tab = 'doc' | 'chat' | 'people'

/**
 * `<weft-app>`: a space, with its header, the page, and the conversation. On a phone
 * page and conversation are tabs. It renders into the light DOM, because the text
 * of the page has to be there.
 *
 * @fires app-join the reader chose a name; `detail.name`
 */
export class WeftApp extends WeftElement {
  static override properties = {
    client: { attribute: false }, room: { attribute: false }, spaceTitle: { attribute: false }, joined: { type: Boolean }, guestName: {},
    tab: { state: true }, unread: { state: true }, isCopied: { state: true }, isInviteDismissed: { state: true }, isEditorLoaded: { state: true }, outline: { state: true },
  }
  declare client: Client
  declare room: Room
  declare spaceTitle: Title
  /** The reader has a name and takes part. */
  declare joined: boolean
  /** The name that the join form suggests. */
  declare guestName: string
  declare protected tab: Tab
  declare protected unread: number
  /** The link was copied a moment ago. */
  declare protected isCopied: boolean
  declare protected isInviteDismissed: boolean
  declare protected isEditorLoaded: boolean
  declare protected outline: Outline
  #copyTimer: ReturnType<typeof setTimeout> | undefined

  constructor() {
    super()
    this.joined = false
    this.guestName = ''
    this.tab = 'doc'
    this.unread = 0
    this.isCopied = false
    this.isInviteDismissed = false
    this.isEditorLoaded = false
    this.outline = { beads: [], headings: [] }
  }

  protected override createRenderRoot(): this {
    return this
  }

  override connectedCallback(): void {
    super.connectedCallback()
    void import('./editor.ts').then(() => { this.isEditorLoaded = true })
  }

  protected override sources() {
    return [this.spaceTitle, this.room?.role, this.room?.presence.me, this.room?.presence.others, this.room?.presence.count, this.room?.link]
  }

  get #canWrite(): boolean {
    const role = this.room.role.get()
    return this.joined && (role === 'write' || role === 'admin')
  }

  get #canChat(): boolean {
    return this.joined && this.room.role.get() !== 'read'
  }

  protected override render(): TemplateResult {
    return html`<div class="app" data-tab=${this.tab}>
      <a class="skip" href="#page" @click=${this.#focusPage}>${text.skipToDocument}</a>
      ${this.#header()}
      <main id="page" aria-label=${text.document}><div class="scroll">${this.#document()}</div>
        <weft-rail .outline=${this.outline} .scroller=${this.querySelector<HTMLElement>('.scroll')}
          .content=${this.#surface}
          @weft-heading=${(e: CustomEvent<{ index: number }>) => this.querySelector<WeftPage>('weft-page')?.goToBlock(e.detail.index)}></weft-rail></main>
      ${this.#panel()}
      ${this.#tabs()}
      ${this.joined ? nothing : this.#joinForm()}
      <div class="gone" role="status">${this.isCopied ? text.linkCopied : ''}</div>
    </div>`
  }

  #header(): TemplateResult {
    const shown = this.spaceTitle.get() || titleFromRoom(this.room.id)
    return html`<header>
      <a class="home" href="/" aria-label=${text.homeLabel} title=${text.home}><span class="mark"></span></a>
      <div class="names">
        <input class="title" name="title" aria-label=${text.spaceTitle} dir="auto" maxlength="200" autocomplete="off" spellcheck="false"
          ?readonly=${!this.#canWrite} placeholder=${titleFromRoom(this.room.id)} .value=${live(this.spaceTitle.get())} title=${shown}
          @input=${(e: Event) => this.#rename(e)} @keydown=${this.#onTitleKey}>
        <weft-status .room=${this.room}></weft-status>
      </div>
      <span class="grow"></span>
      <weft-avatars .room=${this.room} .max=${matchMedia('(max-width: 480px)').matches ? 2 : 4} @weft-people-open=${() => this.#show('people')}></weft-avatars>
      <weft-bell .client=${this.client}></weft-bell>
      <button class="button solid share" @click=${this.#copyLink}>${this.isCopied ? text.copied : text.share}</button>
    </header>`
  }

  #document(): TemplateResult {
    return html`<article class="doc">
      <h1 class="heading"><textarea name="heading" rows="1" aria-label=${text.title} dir="auto" maxlength="200" ?readonly=${!this.#canWrite}
        placeholder=${titleFromRoom(this.room.id)} .value=${live(this.spaceTitle.get())} @input=${(e: Event) => this.#rename(e)} @keydown=${this.#onTitleKey}></textarea></h1>
      ${this.#peopleHere()}
      ${this.isEditorLoaded
        ? html`<weft-page .room=${this.room} ?readonly=${!this.joined} .canDiscuss=${this.#canChat} @weft-ready=${this.#onReady}
            @weft-discuss=${(e: CustomEvent<{ quote: Quote }>) => this.#discuss(e.detail.quote)}
            @weft-outline=${(e: CustomEvent<Outline>) => { this.outline = e.detail }}></weft-page>`
        : skeleton()}
    </article>`
  }

  /** The line below the title: how many people are here, or how to invite some. */
  #peopleHere(): TemplateResult {
    const others = this.room.presence.others.get()
    const isKnown = this.room.presence.me.get() && this.room.link.get().state === 'online' // offline, nobody knows who is here
    if (!isKnown) return html`<p class="meta">&nbsp;</p>`
    if (others.length > 0 || !this.joined) return html`<p class="meta">${text.peopleHere(Math.max(this.room.presence.count.get(), others.length + 1))}</p>`
    if (this.isInviteDismissed) return html`<p class="meta">${text.onlyYou}</p>`
    return html`<p class="meta alone"><span>${text.onlyYouInvite}</span>
      <button class="button line" @click=${this.#copyLink}>${icons.link}${this.isCopied ? text.copied : text.copyLink}</button>
      <button class="button line second" @click=${this.#openSecondWindow}>${text.secondWindow}</button>
      <button class="dismiss" aria-label=${text.dismiss} @click=${() => { this.isInviteDismissed = true }}>${icons.close}</button></p>`
  }

  #panel(): TemplateResult {
    const isPeople = this.tab === 'people'
    return html`<aside aria-label=${text.conversation}>
      <div class="tabs" role="tablist" aria-label=${text.conversation} @keydown=${this.#onTabKey}>
        <button role="tab" id="tab-chat" aria-controls="panel-chat" aria-selected=${!isPeople} tabindex=${isPeople ? -1 : 0} @click=${() => this.#show('chat')}>${text.chatTab}${this.#unreadCount()}</button>
        <button role="tab" id="tab-people" aria-controls="panel-people" aria-selected=${isPeople} tabindex=${isPeople ? 0 : -1} @click=${() => this.#show('people')}>${text.peopleTab}</button>
      </div>
      <weft-chat id="panel-chat" role="tabpanel" aria-labelledby="tab-chat" .room=${this.room} .canSend=${this.#canChat} ?hidden=${isPeople}
        @weft-quote=${(e: CustomEvent<{ quote: Quote }>) => this.#showQuote(e.detail.quote)}
        @weft-unread=${(e: CustomEvent<{ count: number }>) => { this.unread = e.detail.count }}></weft-chat>
      <weft-people id="panel-people" role="tabpanel" aria-labelledby="tab-people" .room=${this.room} .client=${this.client} ?hidden=${!isPeople}></weft-people>
    </aside>`
  }

  #tabs(): TemplateResult {
    const tab = (name: Tab, icon: TemplateResult, label: string): TemplateResult =>
      html`<button aria-current=${this.tab === name ? 'page' : nothing} data-tab=${name} @click=${() => this.#show(name)}>${icon}${label}${name === 'chat' ? this.#unreadCount() : nothing}</button>`
    return html`<nav class="bottom" aria-label=${text.views}>${tab('doc', icons.page, text.documentTab)}${tab('chat', icons.chat, text.chatTab)}${tab('people', icons.people, text.peopleTab)}</nav>`
  }

  #unreadCount(): TemplateResult | typeof nothing {
    return this.unread > 0 ? html`<span class="count" aria-label=${text.unread(this.unread)}>${this.unread}</span>` : nothing
  }

  #joinForm(): TemplateResult {
    return html`<form class="card" @submit=${(e: SubmitEvent) => {
      e.preventDefault()
      const name = String(new FormData(e.currentTarget as HTMLFormElement).get('name') ?? '').trim()
      if (name !== '') this.emit('app-join', { name })
    }}><label>${text.joinAs} <input name="name" required maxlength="40" placeholder=${text.yourName} autocomplete="nickname" .value=${this.guestName}></label>
      <button class="button solid">${text.join}</button></form>`
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has('joined') && this.joined && changed.get('joined') === false) this.querySelector<WeftPage>('weft-page')?.focus()
    for (const area of this.querySelectorAll<HTMLTextAreaElement>('.heading textarea')) {
      if (CSS.supports('field-sizing', 'content')) break
      area.style.blockSize = 'auto'
      area.style.blockSize = `${area.scrollHeight}px`
    }
  }

  override firstUpdated(): void {
    this.addEventListener('weft-person', (e) => {
      const { id } = (e as CustomEvent<{ id: string }>).detail
      this.#show(matchMedia('(max-width: 760px)').matches ? 'doc' : this.tab)
      this.querySelector<WeftPage>('weft-page')?.goTo(id)
    })
  }

  /** Shows a message of the chat as soon as it is loaded; it gives up after 20 tries. */
  goToMessage(id: string): void {
    this.#show('chat')
    const chat = this.querySelector<WeftChat>('weft-chat')
    if (!chat) return
    let triesLeft = 20
    const go = async (): Promise<void> => { if (!await chat.goTo(id) && triesLeft-- > 0) setTimeout(() => void go(), 150) }
    void this.updateComplete.then(go)
  }

  #discuss(quote: Quote): void {
    this.#show('chat')
    void this.updateComplete.then(() => this.querySelector<WeftChat>('weft-chat')?.compose({ quote }))
  }

  #showQuote(quote: Quote): void {
    if (matchMedia('(max-width: 760px)').matches) this.#show('doc')
    void this.updateComplete.then(() => this.querySelector<WeftPage>('weft-page')?.goToQuote(quote))
  }

  #onReady = (): void => {
    const page = this.querySelector<WeftPage>('weft-page')
    if (!this.joined || matchMedia('(pointer: coarse)').matches || (document.activeElement && document.activeElement !== document.body)) return
    if (this.spaceTitle.get() === '') this.querySelector<HTMLTextAreaElement>('.heading textarea')?.focus()
    else page?.focus()
  }

  readonly #surface = (): Element | null => this.querySelector('.weft-surface')

  #show(tab: Tab): void {
    if (this.tab !== 'people' && tab === 'people') this.querySelector<WeftChat>('weft-chat')?.left()
    this.tab = tab
    void this.updateComplete.then(() => {
      const chat = this.querySelector<WeftChat>('weft-chat')
      if (tab !== 'people' && chat?.checkVisibility()) chat.shown()
    })
  }

  /** There are two tabs, so either arrow goes to the other one. */
  #onTabKey = (e: KeyboardEvent): void => {
    if (e.key !== 'ArrowLeft' && e.key !== 'ArrowRight') return
    e.preventDefault()
    const to = this.tab === 'people' ? 'chat' : 'people'
    this.#show(to)
    this.querySelector<HTMLElement>(`#tab-${to}`)?.focus()
  }

  #rename(e: Event): void {
    if (this.#canWrite) this.spaceTitle.set((e.target as HTMLInputElement | HTMLTextAreaElement).value)
  }

  #onTitleKey = (e: KeyboardEvent): void => {
    if (e.isComposing || e.key !== 'Enter') return
    e.preventDefault()
    this.querySelector<WeftPage>('weft-page')?.focus()
  }

  #focusPage = (e: Event): void => {
    e.preventDefault()
    this.querySelector<WeftPage>('weft-page')?.focus()
  }

  #copyLink = (): void => {
    const link = `${location.origin}${location.pathname}`
    void navigator.clipboard.writeText(link).then(() => {
      this.isCopied = true
      clearTimeout(this.#copyTimer)
      this.#copyTimer = setTimeout(() => { this.isCopied = false }, 3000)
    }, () => prompt(text.copyThisLink, link))
  }

  /** Opens a window as a second person, so that one reader can try a space of two. */
  #openSecondWindow = (): void => {
    window.open(`${location.pathname}?guest=2`, '_blank', 'popup,width=520,height=760')
  }
}
