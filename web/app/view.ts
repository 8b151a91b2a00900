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
import { pretty } from './address.ts'
import type { Title } from './title.ts'

type Tab = 'doc' | 'chat' | 'people'

/**
 * The space: header, page, and the conversation beside it or, on a phone, one
 * tab away. It renders into the document itself, where the page's text has to
 * be.
 *
 * @fires app-join the reader chose a name; `detail.name`
 */
export class WeftApp extends WeftElement {
  static override properties = {
    client: { attribute: false }, room: { attribute: false }, title_: { attribute: false }, joined: { type: Boolean }, guestName: {},
    tab: { state: true }, unread: { state: true }, copied: { state: true }, dismissed: { state: true }, editor: { state: true }, outline: { state: true },
  }
  declare client: Client
  declare room: Room
  declare title_: Title
  declare joined: boolean
  declare guestName: string
  declare protected tab: Tab
  declare protected unread: number
  declare protected copied: boolean
  declare protected dismissed: boolean
  /** The editor's chunk is here. */
  declare protected editor: boolean
  declare protected outline: Outline
  #copyTimer: ReturnType<typeof setTimeout> | undefined

  constructor() {
    super()
    this.joined = false
    this.guestName = ''
    this.tab = 'doc'
    this.unread = 0
    this.copied = false
    this.dismissed = false
    this.editor = false
    this.outline = { beads: [], headings: [] }
  }

  protected override createRenderRoot(): this {
    return this
  }

  override connectedCallback(): void {
    super.connectedCallback()
    void import('./editor.ts').then(() => { this.editor = true })
  }

  protected override sources() {
    return [this.title_, this.room?.role, this.room?.presence.me, this.room?.presence.others, this.room?.presence.count, this.room?.link]
  }

  get #writes(): boolean {
    const role = this.room.role.get()
    return this.joined && (role === 'write' || role === 'admin')
  }

  get #talks(): boolean {
    return this.joined && this.room.role.get() !== 'read'
  }

  protected override render(): TemplateResult {
    return html`<div class="app" data-tab=${this.tab}>
      <a class="skip" href="#page" @click=${this.#toPage}>${text.skipToDocument}</a>
      ${this.#header()}
      <main id="page" aria-label=${text.document}><div class="scroll">${this.#document()}</div>
        <weft-rail .outline=${this.outline} .scroller=${this.querySelector<HTMLElement>('.scroll')}
          .content=${this.#text}
          @weft-heading=${(e: CustomEvent<{ index: number }>) => this.querySelector<WeftPage>('weft-page')?.goToBlock(e.detail.index)}></weft-rail></main>
      ${this.#panel()}
      ${this.#tabs()}
      ${this.joined ? nothing : this.#joinCard()}
      <div class="gone" role="status">${this.copied ? text.linkCopied : ''}</div>
    </div>`
  }

  #header(): TemplateResult {
    const shown = this.title_.get() || pretty(this.room.id)
    return html`<header>
      <a class="home" href="/" aria-label=${text.homeLabel} title=${text.home}><span class="mark"></span></a>
      <div class="names">
        <input class="title" name="title" aria-label=${text.spaceTitle} dir="auto" maxlength="200" autocomplete="off" spellcheck="false"
          ?readonly=${!this.#writes} placeholder=${pretty(this.room.id)} .value=${live(this.title_.get())} title=${shown}
          @input=${(e: Event) => this.#rename(e)} @keydown=${this.#titleKey}>
        <weft-status .room=${this.room}></weft-status>
      </div>
      <span class="grow"></span>
      <weft-avatars .room=${this.room} .max=${matchMedia('(max-width: 480px)').matches ? 2 : 4} @weft-people-open=${() => this.#show('people')}></weft-avatars>
      <weft-bell .client=${this.client}></weft-bell>
      <button class="button solid share" @click=${this.#copy}>${this.copied ? text.copied : text.share}</button>
    </header>`
  }

  #document(): TemplateResult {
    return html`<article class="doc">
      <h1 class="heading"><textarea name="heading" rows="1" aria-label=${text.title} dir="auto" maxlength="200" ?readonly=${!this.#writes}
        placeholder=${pretty(this.room.id)} .value=${live(this.title_.get())} @input=${(e: Event) => this.#rename(e)} @keydown=${this.#titleKey}></textarea></h1>
      ${this.#company()}
      ${this.editor
        ? html`<weft-page .room=${this.room} ?readonly=${!this.joined} .canDiscuss=${this.#talks} @weft-ready=${this.#ready}
            @weft-discuss=${(e: CustomEvent<{ quote: Quote }>) => this.#discuss(e.detail.quote)}
            @weft-outline=${(e: CustomEvent<Outline>) => { this.outline = e.detail }}></weft-page>`
        : skeleton()}
    </article>`
  }

  /** Who else is here; alone, how to change that. */
  #company(): TemplateResult {
    const others = this.room.presence.others.get()
    const known = this.room.presence.me.get() && this.room.link.get().state === 'online' // offline nobody can be seen
    if (!known) return html`<p class="meta">&nbsp;</p>`
    if (others.length > 0 || !this.joined) return html`<p class="meta">${text.peopleHere(Math.max(this.room.presence.count.get(), others.length + 1))}</p>`
    if (this.dismissed) return html`<p class="meta">${text.onlyYou}</p>`
    return html`<p class="meta alone"><span>${text.onlyYouInvite}</span>
      <button class="button line" @click=${this.#copy}>${icons.link}${this.copied ? text.copied : text.copyLink}</button>
      <button class="button line second" @click=${this.#second}>${text.secondWindow}</button>
      <button class="dismiss" aria-label=${text.dismiss} @click=${() => { this.dismissed = true }}>${icons.close}</button></p>`
  }

  #panel(): TemplateResult {
    const people = this.tab === 'people'
    return html`<aside aria-label=${text.conversation}>
      <div class="tabs" role="tablist" aria-label=${text.conversation} @keydown=${this.#otherTab}>
        <button role="tab" id="tab-chat" aria-controls="panel-chat" aria-selected=${!people} tabindex=${people ? -1 : 0} @click=${() => this.#show('chat')}>${text.chatTab}${this.#count()}</button>
        <button role="tab" id="tab-people" aria-controls="panel-people" aria-selected=${people} tabindex=${people ? 0 : -1} @click=${() => this.#show('people')}>${text.peopleTab}</button>
      </div>
      <weft-chat id="panel-chat" role="tabpanel" aria-labelledby="tab-chat" .room=${this.room} .canSend=${this.#talks} ?hidden=${people}
        @weft-quote=${(e: CustomEvent<{ quote: Quote }>) => this.#toQuote(e.detail.quote)}
        @weft-unread=${(e: CustomEvent<{ count: number }>) => this.#setUnread(e.detail.count)}></weft-chat>
      <weft-people id="panel-people" role="tabpanel" aria-labelledby="tab-people" .room=${this.room} .client=${this.client} ?hidden=${!people}></weft-people>
    </aside>`
  }

  #tabs(): TemplateResult {
    const tab = (name: Tab, icon: TemplateResult, words: string): TemplateResult =>
      html`<button aria-current=${this.tab === name ? 'page' : nothing} data-tab=${name} @click=${() => this.#show(name)}>${icon}${words}${name === 'chat' ? this.#count() : nothing}</button>`
    return html`<nav class="bottom" aria-label=${text.views}>${tab('doc', icons.page, text.documentTab)}${tab('chat', icons.chat, text.chatTab)}${tab('people', icons.people, text.peopleTab)}</nav>`
  }

  #count(): TemplateResult | typeof nothing {
    return this.unread > 0 ? html`<span class="count" aria-label=${text.unread(this.unread)}>${this.unread}</span>` : nothing
  }

  #joinCard(): TemplateResult {
    return html`<form class="card" @submit=${(e: SubmitEvent) => {
      e.preventDefault()
      const name = String(new FormData(e.currentTarget as HTMLFormElement).get('name') ?? '').trim()
      if (name !== '') this.tell('app-join', { name })
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

  /** Shows a message of the chat, once it is there. */
  goToMessage(id: string): void {
    this.#show('chat')
    const chat = this.querySelector<WeftChat>('weft-chat')
    if (!chat) return
    let tries = 20
    const look = async (): Promise<void> => { if (!await chat.goTo(id) && tries-- > 0) setTimeout(() => void look(), 150) }
    void this.updateComplete.then(look)
  }

  #discuss(quote: Quote): void {
    this.#show('chat')
    void this.updateComplete.then(() => this.querySelector<WeftChat>('weft-chat')?.compose({ quote }))
  }

  #toQuote(quote: Quote): void {
    if (matchMedia('(max-width: 760px)').matches) this.#show('doc')
    void this.updateComplete.then(() => this.querySelector<WeftPage>('weft-page')?.goToQuote(quote))
  }

  #ready = (): void => {
    const page = this.querySelector<WeftPage>('weft-page')
    if (!this.joined || matchMedia('(pointer: coarse)').matches || (document.activeElement && document.activeElement !== document.body)) return
    if (this.title_.get() === '') this.querySelector<HTMLTextAreaElement>('.heading textarea')?.focus()
    else page?.focus()
  }

  readonly #text = (): Element | null => this.querySelector('.weft-surface')

  #setUnread(count: number): void {
    this.unread = count
  }

  #show(tab: Tab): void {
    if (this.tab !== 'people' && tab === 'people') this.querySelector<WeftChat>('weft-chat')?.left()
    this.tab = tab
    void this.updateComplete.then(() => {
      const chat = this.querySelector<WeftChat>('weft-chat')
      if (tab !== 'people' && chat?.checkVisibility()) chat.shown()
    })
  }

  /** Two tabs: an arrow either way goes to the other. */
  #otherTab = (e: KeyboardEvent): void => {
    if (e.key !== 'ArrowLeft' && e.key !== 'ArrowRight') return
    e.preventDefault()
    const to = this.tab === 'people' ? 'chat' : 'people'
    this.#show(to)
    this.querySelector<HTMLElement>(`#tab-${to}`)?.focus()
  }

  #rename(e: Event): void {
    if (this.#writes) this.title_.set((e.target as HTMLInputElement | HTMLTextAreaElement).value)
  }

  #titleKey = (e: KeyboardEvent): void => {
    if (e.isComposing || e.key !== 'Enter') return
    e.preventDefault()
    this.querySelector<WeftPage>('weft-page')?.focus()
  }

  #toPage = (e: Event): void => {
    e.preventDefault()
    this.querySelector<WeftPage>('weft-page')?.focus()
  }

  #copy = (): void => {
    const link = `${location.origin}${location.pathname}`
    void navigator.clipboard.writeText(link).then(() => {
      this.copied = true
      clearTimeout(this.#copyTimer)
      this.#copyTimer = setTimeout(() => { this.copied = false }, 3000)
    }, () => prompt(text.copyThisLink, link))
  }

  /** The demonstration: a window of somebody else, so that one person sees two. */
  #second = (): void => {
    window.open(`${location.pathname}?guest=2`, '_blank', 'popup,width=520,height=760')
  }
}
