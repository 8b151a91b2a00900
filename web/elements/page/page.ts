import { css, html, nothing, type PropertyValues, type TemplateResult } from 'lit'
import { toSlot, type Quote, type Room } from '@weft/sdk'
import { WeftElement } from '../base/element.ts'
import { icons } from '../base/icons.ts'
import { sheet } from '../base/sheet.ts'
import { skeleton } from '../base/skeleton.ts'
import { page as text } from '../text/index.ts'
import type { Outline } from '../rail/rail.ts'
import { Carets, type Peer } from './carets.ts'
import { Bubble, bubbleSheet } from './bubble.ts'
import { OwnCursor } from './cursor.ts'
import { findQuote, quoteOfSelection } from './quote.ts'
import { field } from './schema.ts'
import { textSheet } from './sheet.ts'
import { openSurface, type Surface } from './surface.ts'

/**
 * `<weft-page>`: the shared page. The text is a child of the element, in the
 * document itself, where spelling checkers, translators and the host's styles
 * reach it; the shadow tree holds what is drawn around and above it.
 *
 * @fires weft-ready the text is there
 * @fires weft-outline where people and headings are, when that changed
 * @fires weft-discuss the reader wants to talk about what they selected; `detail.quote`
 *
 * Until the room has been read from the server there is a skeleton and nothing
 * to type into: text typed there would be merged with text nobody has shown.
 */
export class WeftPage extends WeftElement {
  static override properties = { room: { attribute: false }, readOnly: { type: Boolean, attribute: 'readonly' }, canDiscuss: { attribute: false }, placeholder: {}, label: {}, open: { state: true }, bubble: { state: true } }
  declare room: Room | null
  declare readOnly: boolean
  /** Selected text may be talked about. */
  declare canDiscuss: boolean
  declare placeholder: string
  declare label: string
  declare protected open: boolean
  /** Where the selection's bar stands; null without one. */
  declare protected bubble: { readonly x: number; readonly y: number } | null

  #surface: Surface | null = null
  #carets: Carets | null = null
  #cursor: OwnCursor | null = null
  #resize: ResizeObserver | null = null
  #opened: Room | null = null
  #outlineKey = ''
  #bubble: Bubble | null = null

  static override styles = [sheet, bubbleSheet, css`
    :host { position: relative; contain: inline-size; }
    .layer { position: absolute; inset: 0; pointer-events: none; z-index: 1; contain: size layout style; }
    .weft-caret { position: absolute; inset-block-start: 0; left: 0; inline-size: 2px; background: var(--c); border-radius: 1px; transition: transform 80ms linear, opacity 120ms; }
    .weft-caret[data-idle] { opacity: .45; }
    .label { position: absolute; inset-block-end: 100%; left: 0; white-space: nowrap; background: var(--c); color: var(--weft-on-c); font: 600 11.5px/1 var(--weft-font); padding: 4px 7px; border-radius: 7px 7px 7px 2px; transition: opacity 120ms; }
    .weft-caret[data-below] .label { inset-block: 100% auto; border-radius: 2px 7px 7px 7px; }
    .weft-caret[data-flip] .label { left: auto; right: 0; border-radius: 7px 7px 2px 7px; }
    .weft-caret[data-below][data-flip] .label { border-radius: 7px 2px 7px 7px; }
    .weft-caret[data-quiet] .label { opacity: 0; }
    .weft-caret::before { content: ""; position: absolute; inset-block-start: -3px; left: -2px; inline-size: 6px; block-size: 6px; border-radius: 50%; background: var(--c); }
    @media (forced-colors: active) { .weft-caret { background: Highlight; } }
    @media print { .layer { display: none; } }
  `]

  constructor() {
    super()
    this.room = null
    this.readOnly = false
    this.canDiscuss = true
    this.placeholder = text.placeholder
    this.label = text.label
    this.open = false
    this.bubble = null
    this.addEventListener('keydown', this.#key)
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.dataset['weftPage'] = ''
    adopt(this.getRootNode())
    if (this.hasUpdated && this.room && this.#opened !== this.room) void this.#start(this.room)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    queueMicrotask(() => { if (!this.isConnected) this.#stop() }) // moving is not leaving
  }

  protected override sources() {
    return [this.room?.role, this.room?.presence.others]
  }

  protected override render(): TemplateResult {
    return html`${this.open ? '' : skeleton()}
      <slot></slot><div class="layer" aria-hidden="true"></div>${this.bubble && this.canDiscuss ? this.#bar(this.bubble) : nothing}`
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has('room') && this.room !== this.#opened) {
      this.#stop()
      if (this.room) void this.#start(this.room)
    }
    this.#surface?.refresh()
    this.#carets?.draw()
  }

  /** Puts the caret into the page: at its start, or where it was. */
  override focus(): void {
    this.#surface?.view.focus()
  }

  /** Scrolls to where a person is; false if they are nowhere in the page. */
  goTo(userId: string): boolean {
    const view = this.#surface?.view
    const pos = this.#carets?.find(userId)
    if (!view || pos == null) return false
    this.goToBlock(view.state.doc.resolve(pos).index(0))
    return true
  }

  /** Scrolls to a block of the page, by its number, and washes it. */
  goToBlock(index: number): void {
    const block = this.#surface?.view.dom.children[index]
    if (!block) return
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches
    block.scrollIntoView({ block: 'center', behavior: still ? 'auto' : 'smooth' })
    if (!still) block.animate([{ backgroundColor: 'color-mix(in oklab, var(--weft-marker) 60%, transparent)' }, { backgroundColor: 'transparent' }], 1200)
  }

  /** Scrolls to quoted text and washes it; false if it stands nowhere any more. */
  goToQuote(quote: Quote): boolean {
    const view = this.#surface?.view
    const place = view && findQuote(view, quote)
    if (!view || !place) return false
    this.#carets?.wash(place)
    return true
  }

  #bar({ x, y }: { readonly x: number; readonly y: number }): TemplateResult {
    return html`<div class="bubble" part="bubble" role="toolbar" aria-label=${text.selection} .style=${`inset-block-start:${y}px;inset-inline-start:${x}px`}
      @pointerdown=${(e: Event) => e.preventDefault()}>
      <button class="button" @click=${this.discuss} title=${text.discussHint}>${icons.chat}${text.discuss}</button></div>`
  }

  /** Asks to talk about the selected text; false if none is selected. */
  readonly discuss = (): boolean => {
    const view = this.canDiscuss ? this.#surface?.view : undefined
    const quote = view && quoteOfSelection(view)
    if (!quote) return false
    this.bubble = null
    this.tell('weft-discuss', { quote })
    return true
  }

  #key = (e: KeyboardEvent): void => {
    if (e.code === 'KeyM' && e.altKey && (e.ctrlKey || e.metaKey) && !e.isComposing && this.discuss()) e.preventDefault()
    else if (e.key === 'Escape') this.bubble = null
  }

  get #writable(): boolean {
    const role = this.room?.role.get()
    return !this.readOnly && (role === 'write' || role === 'admin')
  }

  async #start(room: Room): Promise<void> {
    this.#opened = room
    await Promise.all([room.synced, this.updateComplete])
    if (this.#opened !== room || !this.isConnected) return
    const layer = this.renderRoot.querySelector<HTMLElement>('.layer')
    if (!layer) return
    const { awareness } = room.provider
    const cursor = new OwnCursor(awareness)
    const carets = new Carets(layer, awareness, (client, state) => this.#peer(client, state), (people) => this.#outlined(people))
    const mount = document.createElement('div')
    this.append(mount)
    const surface = openSurface({
      fragment: room.doc.getXmlFragment(field), mount, label: this.label, placeholder: this.placeholder,
      editable: () => this.#writable,
      onUpdate: () => {
        carets.draw()
        if (this.#surface && this.#writable) cursor.update(this.#surface.view)
        this.#bubble?.update()
      },
      onComposing: (on) => room.holdUpdates(on),
    }, (view) => carets.show(view))
    this.#surface = surface
    this.#carets = carets
    this.#cursor = cursor
    this.#bubble = new Bubble(this, () => this.#surface?.view ?? null, (at) => { this.bubble = at })
    carets.show(surface.view)
    this.#resize = new ResizeObserver(carets.draw)
    this.#resize.observe(this)
    void document.fonts.ready.then(carets.draw)
    this.open = true
    this.tell('weft-ready', { room })
  }

  /** Tells whoever draws a rail where people and headings are; only what changed. */
  #outlined(people: readonly { readonly peer: Peer; readonly at: number }[]): void {
    const doc = this.#surface?.view.state.doc
    if (!doc) return
    const headings: { at: number; text: string; index: number }[] = []
    doc.forEach((node, _offset, index) => {
      if (node.type.name === 'heading' && node.textContent !== '') headings.push({ at: (index + 0.5) / doc.childCount, text: node.textContent, index })
    })
    const outline: Outline = { headings, beads: people.map(({ peer, at }) => ({ id: peer.key, name: peer.name, slot: peer.slot, idle: peer.idle, at })) }
    const key = JSON.stringify(outline)
    if (key === this.#outlineKey) return
    this.#outlineKey = key
    this.tell('weft-outline', outline)
  }

  #stop(): void {
    this.#opened = null
    this.#resize?.disconnect()
    this.#cursor?.clear()
    this.#bubble?.destroy()
    this.#bubble = null
    this.bubble = null
    this.#carets?.destroy()
    this.#surface?.destroy()
    this.#surface?.view.dom.remove()
    this.#surface = this.#carets = this.#cursor = this.#resize = null
    this.open = false
  }

  /** Who is behind a client id: the server's word where there is one, else the peer's own. */
  #peer(client: number, state: { readonly [field: string]: unknown }): Peer | null {
    const user = typeof state['user'] === 'object' && state['user'] !== null ? state['user'] as Record<string, unknown> : {}
    const id = typeof user['id'] === 'string' ? user['id'] : String(client)
    const known = this.room?.presence.others.get().find((p) => p.id === id)
    if (known) return { key: id, name: known.name, slot: toSlot(known.slot), idle: known.state !== 'active' }
    const slot = typeof user['slot'] === 'number' ? user['slot'] : client
    return { key: id, name: typeof user['name'] === 'string' && user['name'] !== '' ? user['name'] : text.someone, slot: toSlot(slot), idle: false }
  }
}

/** Gives the text's styles to the document, or shadow tree, that the page stands in; once. */
function adopt(root: Node): void {
  const own = textSheet.styleSheet
  if (!own || !(root instanceof Document || root instanceof ShadowRoot) || root.adoptedStyleSheets.includes(own)) return
  root.adoptedStyleSheets.push(own)
}
