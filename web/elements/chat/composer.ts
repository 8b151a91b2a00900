import { css, html, nothing, type PropertyValues, type TemplateResult } from 'lit'
import type { Message, Quote, Room, Thread, UserInfo } from '@weft/sdk'
import { face } from '../avatars/face.ts'
import { WeftElement } from '../base/element.ts'
import { icons } from '../base/icons.ts'
import { faceSheet, sheet } from '../base/sheet.ts'
import { composer as text } from '../text/index.ts'
import { complete, queryAt, suggest, written, type Query } from './mention.ts'

/**
 * The composer: a textarea, because input methods, autocorrection, dictation
 * and phone keyboards all behave in one. Enter sends and Shift+Enter breaks;
 * where the pointer is a finger, Enter breaks and the button sends.
 *
 * What is begun is kept as the room's or the thread's draft. A message that is
 * edited stands in the draft's place meanwhile.
 *
 * @fires weft-compose what to send: `detail.text`, trimmed, and perhaps `detail.quote`
 * @fires weft-edited the edited message's `detail.id` and new `detail.text`; null if it stays as it was
 * @fires weft-edit-last an arrow up in an empty composer
 */
export class WeftComposer extends WeftElement {
  static override properties = { room: { attribute: false }, thread: { attribute: false }, editing: { attribute: false }, people: { attribute: false }, query: { state: true }, chosen: { state: true }, empty: { state: true } }
  declare room: Room | null
  /** The message that is answered; null in the chat itself. */
  declare thread: string | null
  declare editing: Message | null
  /** Whom an @ may name. */
  declare people: readonly UserInfo[]
  declare protected query: Query | null
  declare protected chosen: number
  declare protected empty: boolean

  static override styles = [sheet, faceSheet, css`
    :host { position: relative; margin: 0 12px 12px; }
    .box { border-radius: var(--weft-r2); box-shadow: inset 0 0 0 1px var(--weft-line-strong); background: var(--weft-raised); padding: 9px 8px 6px 12px; }
    .box:focus-within { box-shadow: inset 0 0 0 2px var(--weft-ink); }
    textarea { display: block; inline-size: 100%; resize: none; border: 0; outline: none; padding: 0; margin: 0; background: none; color: inherit; font: inherit; line-height: 1.5; min-block-size: 21px; max-block-size: min(40vh, 320px); field-sizing: content; overflow-y: auto; }
    textarea:focus-visible { outline: none; }
    textarea::placeholder { color: var(--weft-ink-3); opacity: 1; }
    .strip { display: flex; align-items: center; gap: 8px; font-size: 12.5px; font-weight: 600; color: var(--weft-ink-2); margin-block-end: 4px; }
    .strip button { font-weight: 600; text-decoration: underline; text-underline-offset: 2px; }
    .quote { display: flex; gap: 8px; align-items: flex-start; margin-block-end: 8px; padding: 6px 4px 6px 9px; border: 1px solid var(--weft-line); border-radius: var(--weft-r1); background: var(--weft-paper); color: var(--weft-ink-2); font: italic 400 14.5px/1.4 var(--weft-font-doc); }
    .quote q { flex: 1; min-inline-size: 0; quotes: none; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; overflow-wrap: anywhere; }
    .quote svg { inline-size: 14px; block-size: 14px; color: var(--weft-ink-3); translate: 0 3px; }
    .quote button { inline-size: 24px; block-size: 24px; display: grid; place-items: center; border-radius: var(--weft-r1); flex: none; }
    .quote button:hover { background: var(--weft-wash); }
    .quote button svg { translate: none; }
    .row { display: flex; align-items: center; margin-block-start: 6px; margin-inline-start: -7px; }
    .send { margin-inline-start: auto; inline-size: 30px; block-size: 30px; border-radius: 8px; background: var(--weft-sunken); color: var(--weft-ink-3); display: grid; place-items: center; transition: background 120ms, color 120ms; }
    .send:not([disabled]) { background: var(--weft-accent); color: var(--weft-accent-ink); }
    .send[disabled] { cursor: default; }
    ul { position: absolute; inset: auto 0 calc(100% + 6px); margin: 0; padding: 4px; list-style: none; background: var(--weft-raised); border-radius: var(--weft-r2); box-shadow: var(--weft-e2); z-index: 3; max-block-size: 260px; overflow: auto; }
    li { display: flex; align-items: center; gap: 9px; padding: 6px 8px; border-radius: var(--weft-r1); cursor: pointer; --s: 24px; }
    li[aria-selected="true"] { background: var(--weft-wash); }
    @media (pointer: coarse) { .send { inline-size: 44px; block-size: 44px; } textarea { font-size: 16px; } }
  `]

  constructor() {
    super()
    this.room = null
    this.thread = null
    this.editing = null
    this.people = []
    this.query = null
    this.chosen = 0
    this.empty = true
  }

  override focus(): void {
    this.#area?.focus()
  }

  /** The draft was changed from outside: shows it, and goes on writing. */
  resume(): void {
    this.#restore()
    this.#area?.focus()
  }

  protected override sources() {
    return [this.#conversation?.draft]
  }

  get #conversation(): Pick<Thread, 'draft' | 'setDraft' | 'setTyping'> | undefined {
    return this.thread === null ? this.room?.chat : this.room?.chat.thread(this.thread)
  }

  /** Something is written in it, and it has the focus. */
  get writing(): boolean {
    return !this.empty && this.matches(':focus-within')
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has('room') || changed.has('thread') || changed.has('editing')) this.#restore()
  }

  #restore(): void {
    const area = this.#area
    const words = this.editing?.text ?? this.#conversation?.draft.get().text ?? ''
    if (!area || area.value === words) return
    area.value = words
    area.setSelectionRange(words.length, words.length)
    this.empty = words.trim() === ''
    grow(area)
  }

  get #area(): HTMLTextAreaElement | null {
    return this.renderRoot.querySelector('textarea')
  }

  protected override render(): TemplateResult {
    const found = this.#suggestions()
    const quote = this.editing ? undefined : this.#conversation?.draft.get().quote
    const send = this.editing ? text.save : text.send
    return html`${found.length > 0 ? this.#list(found) : nothing}
      <div class="box" part="composer">
        ${this.editing ? html`<div class="strip">${text.editing} <button type="button" @click=${() => this.tell('weft-edited', null)}>${text.cancel}</button></div>` : nothing}
        ${quote?.text ? html`<div class="quote" part="quote">${icons.quote}<q dir="auto">${quote.text}</q>
          <button type="button" aria-label=${text.removeQuote} title=${text.removeQuote} @click=${this.#unquote}>${icons.close}</button></div>` : nothing}
        <textarea name="message" part="input" rows="1" dir="auto" placeholder=${this.thread === null ? text.placeholder : text.reply} aria-label=${this.thread === null ? text.label : text.reply}
          enterkeyhint="send" autocapitalize="sentences" autocomplete="off" maxlength="4000"
          aria-autocomplete="list" aria-haspopup="listbox" aria-controls=${found.length > 0 ? 'people' : nothing}
          aria-activedescendant=${found.length > 0 ? `person-${this.chosen}` : nothing}
          @input=${this.#input} @keydown=${this.#key} @click=${this.#look} @compositionend=${this.#look} @blur=${this.#blur}></textarea>
        <div class="row">
          <button class="icon" type="button" aria-label=${text.mention} title=${text.mention} @click=${this.#at}>${icons.at}</button>
          <button class="send" part="send" type="button" aria-label=${send} title=${send} ?disabled=${this.empty} @click=${() => this.#send()}>${icons.send}</button>
        </div>
      </div>`
  }

  #list(found: readonly UserInfo[]): TemplateResult {
    return html`<ul id="people" role="listbox" aria-label=${text.peopleToMention}>${found.map((p, i) => html`
      <li id="person-${i}" role="option" aria-selected=${i === this.chosen} data-mention=${p.id}
        @pointerdown=${(e: Event) => { e.preventDefault(); this.#choose(p) }}>${face(p)}<bdi>${p.name}</bdi></li>`)}</ul>`
  }

  #suggestions(): UserInfo[] {
    return this.query ? suggest(this.people, this.query.text) : []
  }

  #input = (e: Event): void => {
    const area = this.#area
    if (!area) return
    this.empty = area.value.trim() === ''
    this.#conversation?.setTyping(!this.empty)
    this.#keep(area.value)
    grow(area)
    if (!(e instanceof InputEvent && e.isComposing)) this.#look()
  }

  #look = (): void => {
    const area = this.#area
    const query = area && area.selectionStart === area.selectionEnd ? queryAt(area.value, area.selectionStart) : null
    if (query?.text !== this.query?.text) this.chosen = 0
    this.query = query
  }

  #blur = (): void => {
    this.query = null
  }

  #key = (e: KeyboardEvent): void => {
    if (e.isComposing || e.keyCode === 229) return // this Enter ends a word, not a message
    const found = this.#suggestions()
    const person = found[this.chosen]
    if (person) {
      if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
        e.preventDefault()
        this.chosen = (this.chosen + (e.key === 'ArrowDown' ? 1 : found.length - 1)) % found.length
        return
      }
      if ((e.key === 'Enter' && !e.shiftKey) || e.key === 'Tab') {
        e.preventDefault()
        this.#choose(person)
        return
      }
      if (e.key === 'Escape') {
        e.preventDefault()
        this.query = null
        return
      }
    }
    if (e.key === 'Escape' && this.editing) {
      e.preventDefault()
      this.tell('weft-edited', null)
      return
    }
    if (e.key === 'ArrowUp' && !this.editing && this.#area?.value === '') {
      e.preventDefault()
      this.tell('weft-edit-last', null)
      return
    }
    if (e.key === 'Enter' && !e.shiftKey && !e.altKey && !matchMedia('(pointer: coarse)').matches) {
      e.preventDefault()
      this.#send()
    }
  }

  /** An edited message is no draft. */
  #keep(text: string): void {
    if (!this.editing) this.#conversation?.setDraft({ text })
  }

  #unquote = (): void => {
    this.#conversation?.setDraft({ quote: undefined })
    this.#area?.focus()
  }

  #at = (): void => {
    const area = this.#area
    if (!area) return
    area.focus()
    const before = area.value.slice(0, area.selectionStart)
    area.setRangeText(before === '' || /\s$/u.test(before) ? '@' : ' @', area.selectionStart, area.selectionEnd, 'end')
    area.dispatchEvent(new Event('input'))
  }

  #choose(person: UserInfo): void {
    const area = this.#area
    if (!area || !this.query) return
    const next = complete(area.value, this.query, area.selectionStart, written(person, this.people))
    area.value = next.text
    area.setSelectionRange(next.caret, next.caret)
    this.query = null
    this.empty = false
    this.#keep(area.value)
    grow(area)
  }

  #send(): void {
    const area = this.#area
    const text = area?.value.trim() ?? ''
    if (!area || text === '') return
    if (this.editing) {
      this.#conversation?.setTyping(false)
      this.query = null
      this.tell('weft-edited', { id: this.editing.id, text })
      return
    }
    area.value = ''
    this.empty = true
    this.query = null
    grow(area)
    const quote = this.#conversation?.draft.get().quote
    this.#conversation?.setTyping(false)
    this.#conversation?.setDraft({ text: '', quote: undefined })
    this.tell('weft-compose', quote ? { text, quote } : { text })
    area.focus()
  }
}

/** For browsers without field-sizing. */
function grow(area: HTMLTextAreaElement): void {
  if (CSS.supports('field-sizing', 'content')) return
  area.style.blockSize = 'auto'
  area.style.blockSize = `${area.scrollHeight}px`
}
