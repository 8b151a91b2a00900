import { css, html, nothing, type PropertyValues, type TemplateResult } from 'lit'
import { toSlot, type Quote, type Room } from '@weft/sdk'
import { WeftElement } from '../base/element.ts'
import { icons } from '../base/icons.ts'
import { sheet } from '../base/sheet.ts'
import { skeleton } from '../base/skeleton.ts'
import { page as text } from '../text/index.ts'
import type { Outline } from '../rail/rail.ts'
import { Bubble, bubbleSheet, type BubblePosition } from './bubble.ts'
import { Carets, type PersonInPage, type RemotePerson } from './carets.ts'
import { OwnCursor } from './cursor.ts'
import { findQuote, quoteOfSelection } from './quote.ts'
import { field } from './schema.ts'
import { textSheet } from './sheet.ts'
import { openSurface, type Surface } from './surface.ts'

/**
 * `<weft-page>`: the shared page. The text is a child of the element, in the light
 * DOM, where spelling checkers, translators and the host's styles reach it. The
 * shadow tree holds what is drawn around and above the text.
 *
 * Until the room is synced there is a skeleton and nothing to type into: text
 * typed there would be merged with a document that the reader has not seen.
 *
 * @fires weft-ready the text is shown
 * @fires weft-outline where people and headings are, when that has changed; `detail` is an Outline
 * @fires weft-discuss the reader wants to discuss the selected text; `detail.quote`
 */
export class WeftPage extends WeftElement {
  static override properties = {
    room: { attribute: false }, readOnly: { type: Boolean, attribute: 'readonly' }, canDiscuss: { attribute: false }, placeholder: {}, label: {},
    isOpen: { state: true }, bubbleAt: { state: true },
  }
  declare room: Room | null
  declare readOnly: boolean
  /** The reader may discuss selected text in the chat. */
  declare canDiscuss: boolean
  /** What an empty page shows. */
  declare placeholder: string
  /** What a screen reader calls the text. */
  declare label: string
  /** The text is shown instead of the skeleton. */
  declare protected isOpen: boolean
  /** Where the bubble is; null while it is hidden. */
  declare protected bubbleAt: BubblePosition | null

  #surface: Surface | null = null
  #carets: Carets | null = null
  #cursor: OwnCursor | null = null
  #resize: ResizeObserver | null = null
  #shownRoom: Room | null = null // the room whose text is shown or being opened
  #lastOutline = '' // the outline that was told last, as JSON
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
    this.isOpen = false
    this.bubbleAt = null
    this.addEventListener('keydown', this.#onKey)
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.dataset['weftPage'] = ''
    adoptTextSheet(this.getRootNode())
    if (this.hasUpdated && this.room && this.#shownRoom !== this.room) void this.#start(this.room)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    queueMicrotask(() => { if (!this.isConnected) this.#stop() }) // an element that is only moved is connected again by now
  }

  protected override sources() {
    return [this.room?.role, this.room?.presence.others]
  }

  protected override render(): TemplateResult {
    return html`${this.isOpen ? nothing : skeleton()}
      <slot></slot><div class="layer" aria-hidden="true"></div>${this.bubbleAt && this.canDiscuss ? this.#bubbleElement(this.bubbleAt) : nothing}`
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has('room') && this.room !== this.#shownRoom) {
      this.#stop()
      if (this.room) void this.#start(this.room)
    }
    this.#surface?.refresh()
    this.#carets?.draw()
  }

  /** Puts the caret into the page: where it was, or at the start. */
  override focus(): void {
    this.#surface?.view.focus()
  }

  /** Scrolls to the caret of a person; false if they have none in the page. */
  goTo(userId: string): boolean {
    const view = this.#surface?.view
    const position = this.#carets?.positionOf(userId)
    if (!view || position == null) return false
    this.goToBlock(view.state.doc.resolve(position).index(0))
    return true
  }

  /** Scrolls to a block of the page, by its index, and highlights it for a moment. */
  goToBlock(index: number): void {
    const block = this.#surface?.view.dom.children[index]
    if (!block) return
    const isReduced = matchMedia('(prefers-reduced-motion: reduce)').matches
    block.scrollIntoView({ block: 'center', behavior: isReduced ? 'auto' : 'smooth' })
    if (!isReduced) block.animate([{ backgroundColor: 'color-mix(in oklab, var(--weft-marker) 60%, transparent)' }, { backgroundColor: 'transparent' }], 1200)
  }

  /** Scrolls to a quoted text and highlights it for a moment; false if it was deleted. */
  goToQuote(quote: Quote): boolean {
    const view = this.#surface?.view
    const range = view && findQuote(view, quote)
    if (!view || !range) return false
    this.#carets?.scrollTo(range)
    return true
  }

  #bubbleElement({ x, y }: BubblePosition): TemplateResult {
    return html`<div class="bubble" part="bubble" role="toolbar" aria-label=${text.selection} .style=${`inset-block-start:${y}px;inset-inline-start:${x}px`}
      @pointerdown=${(e: Event) => e.preventDefault()}>
      <button class="button" @click=${this.discuss} title=${text.discussHint}>${icons.chat}${text.discuss}</button></div>`
  }

  /** Starts a discussion of the selected text; false if no text is selected. */
  readonly discuss = (): boolean => {
    const view = this.canDiscuss ? this.#surface?.view : undefined
    const quote = view && quoteOfSelection(view)
    if (!quote) return false
    this.bubbleAt = null
    this.emit('weft-discuss', { quote })
    return true
  }

  #onKey = (e: KeyboardEvent): void => {
    if (e.code === 'KeyM' && e.altKey && (e.ctrlKey || e.metaKey) && !e.isComposing && this.discuss()) e.preventDefault()
    else if (e.key === 'Escape') this.bubbleAt = null
  }

  get #writable(): boolean {
    const role = this.room?.role.get()
    return !this.readOnly && (role === 'write' || role === 'admin')
  }

  async #start(room: Room): Promise<void> {
    this.#shownRoom = room
    await Promise.all([room.synced, this.updateComplete])
    if (this.#shownRoom !== room || !this.isConnected) return
    const layer = this.renderRoot.querySelector<HTMLElement>('.layer')
    if (!layer) return
    const { awareness } = room.provider
    const cursor = new OwnCursor(awareness)
    const carets = new Carets({ layer, awareness, person: (client, state) => this.#person(client, state), onDrawn: (people) => this.#tellOutline(people) })
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
      onComposing: (isComposing) => room.holdUpdates(isComposing),
    }, (view) => carets.setView(view))
    this.#surface = surface
    this.#carets = carets
    this.#cursor = cursor
    this.#bubble = new Bubble(this, () => this.#surface?.view ?? null, (at) => { this.bubbleAt = at })
    carets.setView(surface.view)
    this.#resize = new ResizeObserver(carets.draw)
    this.#resize.observe(this)
    void document.fonts.ready.then(carets.draw)
    this.isOpen = true
    this.emit('weft-ready', { room })
  }

  /** Fires weft-outline if people or headings have moved, for the element that draws the rail. */
  #tellOutline(people: readonly PersonInPage[]): void {
    const doc = this.#surface?.view.state.doc
    if (!doc) return
    const headings: { at: number; text: string; index: number }[] = []
    doc.forEach((node, _offset, index) => {
      if (node.type.name === 'heading' && node.textContent !== '') headings.push({ at: (index + 0.5) / doc.childCount, text: node.textContent, index })
    })
    const outline: Outline = { headings, beads: people.map(({ person, at }) => ({ id: person.id, name: person.name, slot: person.slot, idle: person.isIdle, at })) }
    const key = JSON.stringify(outline)
    if (key === this.#lastOutline) return
    this.#lastOutline = key
    this.emit('weft-outline', outline)
  }

  #stop(): void {
    this.#shownRoom = null
    this.#resize?.disconnect()
    this.#cursor?.clear()
    this.#bubble?.destroy()
    this.#bubble = null
    this.bubbleAt = null
    this.#carets?.destroy()
    this.#surface?.destroy()
    this.#surface?.view.dom.remove()
    this.#surface = this.#carets = this.#cursor = this.#resize = null
    this.isOpen = false
  }

  /**
   * The person behind a Yjs client id. Presence comes from the server and is
   * preferred. What the client writes into its awareness state is used for people
   * that presence does not list.
   */
  #person(client: number, state: { readonly [field: string]: unknown }): RemotePerson | null {
    const user = typeof state['user'] === 'object' && state['user'] !== null ? state['user'] as Record<string, unknown> : {}
    const id = typeof user['id'] === 'string' ? user['id'] : String(client)
    const present = this.room?.presence.others.get().find((p) => p.id === id)
    if (present) return { id, name: present.name, slot: toSlot(present.slot), isIdle: present.state !== 'active' }
    const slot = typeof user['slot'] === 'number' ? user['slot'] : client
    return { id, name: typeof user['name'] === 'string' && user['name'] !== '' ? user['name'] : text.someone, slot: toSlot(slot), isIdle: false }
  }
}

/** Adds the styles of the text to the document or shadow tree that the page is in, once. */
function adoptTextSheet(root: Node): void {
  const own = textSheet.styleSheet
  if (!own || !(root instanceof Document || root instanceof ShadowRoot) || root.adoptedStyleSheets.includes(own)) return
  root.adoptedStyleSheets.push(own)
}
