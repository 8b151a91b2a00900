import { css, html, nothing, type PropertyValues, type TemplateResult } from 'lit'
import type { Message, Quote, Room, Thread, UserInfo } from '@weft/sdk'
import { face } from '../avatars/face.ts'
import { WeftElement } from '../base/element.ts'
import { icons } from '../base/icons.ts'
import { faceSheet, sheet } from '../base/sheet.ts'
import { composer as text } from '../text/index.ts'
import { complete, mentionText, queryAt, suggest, type Query } from './mention.ts'

/**
 * The composer: a textarea, because input methods, autocorrection, dictation and
 * the keyboards of phones work in a textarea. Enter sends and Shift+Enter breaks
 * the line. On a touch screen Enter breaks the line and the button sends.
 *
 * An unfinished message is kept as the draft of the room or of the thread. While
 * a message is edited, it takes the draft's place.
 *
 * @fires weft-compose a message to send: `detail.text`, trimmed, and `detail.quote` if there is one
 * @fires weft-edited the edited message: `detail.id` and the new `detail.text`; `detail` is null if the edit was cancelled
 * @fires weft-edit-last an arrow up in an empty composer: the reader wants to edit their last message
 */
export class WeftComposer extends WeftElement {
  static override properties = { room: { attribute: false }, thread: { attribute: false }, editing: { attribute: false }, people: { attribute: false }, query: { state: true }, selected: { state: true }, isEmpty: { state: true } }
  declare room: Room | null
  /** The message whose thread is written in; null in the chat itself. */
  declare thread: string | null
  /** The message that is edited; null if a new one is written. */
  declare editing: Message | null
  /** The people whom an @ may mention. */
  declare people: readonly UserInfo[]
  /** The @word at the caret; null without one. */
  declare protected query: Query | null
  /** The index of the selected suggestion. */
  declare protected selected: number
  declare protected isEmpty: boolean

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
    this.selected = 0
    this.isEmpty = true
  }

  override focus(): void {
    this.#area?.focus()
  }

  /** Shows the draft after it was changed from outside, and puts the caret behind it. */
  showDraft(): void {
    this.#restore()
    this.#area?.focus()
  }

  protected override sources() {
    return [this.#conversation?.draft]
  }

  get #conversation(): Pick<Thread, 'draft' | 'setDraft' | 'setTyping'> | undefined {
    return this.thread === null ? this.room?.chat : this.room?.chat.thread(this.thread)
  }

  /** The composer has the focus and contains text. */
  get isWriting(): boolean {
    return !this.isEmpty && this.matches(':focus-within')
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has('room') || changed.has('thread') || changed.has('editing')) this.#restore()
  }

  /** Fills the textarea with the edited message or the draft. */
  #restore(): void {
    const area = this.#area
    const value = this.editing?.text ?? this.#conversation?.draft.get().text ?? ''
    if (!area || area.value === value) return
    area.value = value
    area.setSelectionRange(value.length, value.length)
    this.isEmpty = value.trim() === ''
    fitHeight(area)
  }

  get #area(): HTMLTextAreaElement | null {
    return this.renderRoot.querySelector('textarea')
  }

  protected override render(): TemplateResult {
    const suggestions = this.#suggestions()
    const quote = this.editing ? undefined : this.#conversation?.draft.get().quote
    const send = this.editing ? text.save : text.send
    return html`${suggestions.length > 0 ? this.#list(suggestions) : nothing}
      <div class="box" part="composer">
        ${this.editing ? html`<div class="strip">${text.editing} <button type="button" @click=${() => this.emit('weft-edited', null)}>${text.cancel}</button></div>` : nothing}
        ${quote?.text ? html`<div class="quote" part="quote">${icons.quote}<q dir="auto">${quote.text}</q>
          <button type="button" aria-label=${text.removeQuote} title=${text.removeQuote} @click=${this.#removeQuote}>${icons.close}</button></div>` : nothing}
        <textarea name="message" part="input" rows="1" dir="auto" placeholder=${this.thread === null ? text.placeholder : text.reply} aria-label=${this.thread === null ? text.label : text.reply}
          enterkeyhint="send" autocapitalize="sentences" autocomplete="off" maxlength=${this.room?.chat.maxText ?? nothing}
          aria-autocomplete="list" aria-haspopup="listbox" aria-controls=${suggestions.length > 0 ? 'people' : nothing}
          aria-activedescendant=${suggestions.length > 0 ? `person-${this.selected}` : nothing}
          @input=${this.#onInput} @keydown=${this.#onKey} @click=${this.#updateQuery} @compositionend=${this.#updateQuery} @blur=${this.#onBlur}></textarea>
        <div class="row">
          <button class="icon" type="button" aria-label=${text.mention} title=${text.mention} @click=${this.#insertAt}>${icons.at}</button>
          <button class="send" part="send" type="button" aria-label=${send} title=${send} ?disabled=${this.isEmpty} @click=${() => this.#send()}>${icons.send}</button>
        </div>
      </div>`
  }

  #list(suggestions: readonly UserInfo[]): TemplateResult {
    return html`<ul id="people" role="listbox" aria-label=${text.peopleToMention}>${suggestions.map((p, i) => html`
      <li id="person-${i}" role="option" aria-selected=${i === this.selected} data-mention=${p.id}
        @pointerdown=${(e: Event) => { e.preventDefault(); this.#mention(p) }}>${face(p)}<bdi>${p.name}</bdi></li>`)}</ul>`
  }

  #suggestions(): UserInfo[] {
    return this.query ? suggest(this.people, this.query.text) : []
  }

  #onInput = (e: Event): void => {
    const area = this.#area
    if (!area) return
    this.isEmpty = area.value.trim() === ''
    this.#conversation?.setTyping(!this.isEmpty)
    this.#saveDraft(area.value)
    fitHeight(area)
    if (!(e instanceof InputEvent && e.isComposing)) this.#updateQuery()
  }

  #updateQuery = (): void => {
    const area = this.#area
    const query = area && area.selectionStart === area.selectionEnd ? queryAt(area.value, area.selectionStart) : null
    if (query?.text !== this.query?.text) this.selected = 0
    this.query = query
  }

  #onBlur = (): void => {
    this.query = null
  }

  #onKey = (e: KeyboardEvent): void => {
    if (e.isComposing || e.keyCode === 229) return // this Enter ends a composition; Safari reports it as keyCode 229
    if (!this.#onSuggestionKey(e) && !this.#onEditKey(e) && !this.#onSendKey(e)) return
    e.preventDefault()
  }

  /** Keys of the list of suggestions; false if the key is not one. */
  #onSuggestionKey(e: KeyboardEvent): boolean {
    const suggestions = this.#suggestions()
    const person = suggestions[this.selected]
    if (!person) return false
    if (e.key === 'ArrowDown' || e.key === 'ArrowUp') this.selected = (this.selected + (e.key === 'ArrowDown' ? 1 : suggestions.length - 1)) % suggestions.length
    else if ((e.key === 'Enter' && !e.shiftKey) || e.key === 'Tab') this.#mention(person)
    else if (e.key === 'Escape') this.query = null
    else return false
    return true
  }

  /** Keys that begin or cancel the editing of a message; false if the key is not one. */
  #onEditKey(e: KeyboardEvent): boolean {
    if (e.key === 'Escape' && this.editing) this.emit('weft-edited', null)
    else if (e.key === 'ArrowUp' && !this.editing && this.#area?.value === '') this.emit('weft-edit-last', null)
    else return false
    return true
  }

  #onSendKey(e: KeyboardEvent): boolean {
    if (e.key !== 'Enter' || e.shiftKey || e.altKey || matchMedia('(pointer: coarse)').matches) return false
    this.#send()
    return true
  }

  /** Keeps the text as the draft. The text of a message that is edited is not a draft. */
  #saveDraft(words: string): void {
    if (!this.editing) this.#conversation?.setDraft({ text: words })
  }

  #removeQuote = (): void => {
    this.#conversation?.setDraft({ quote: undefined })
    this.#area?.focus()
  }

  #insertAt = (): void => {
    const area = this.#area
    if (!area) return
    area.focus()
    const before = area.value.slice(0, area.selectionStart)
    area.setRangeText(before === '' || /\s$/u.test(before) ? '@' : ' @', area.selectionStart, area.selectionEnd, 'end')
    area.dispatchEvent(new Event('input'))
  }

  #mention(person: UserInfo): void {
    const area = this.#area
    if (!area || !this.query) return
    const next = complete(area.value, this.query, area.selectionStart, mentionText(person, this.people))
    area.value = next.text
    area.setSelectionRange(next.caret, next.caret)
    this.query = null
    this.isEmpty = false
    this.#saveDraft(area.value)
    fitHeight(area)
  }

  #send(): void {
    const area = this.#area
    const words = area?.value.trim() ?? ''
    if (!area || words === '') return
    if (this.editing) {
      this.#conversation?.setTyping(false)
      this.query = null
      this.emit('weft-edited', { id: this.editing.id, text: words })
      return
    }
    area.value = ''
    this.isEmpty = true
    this.query = null
    fitHeight(area)
    const quote = this.#conversation?.draft.get().quote
    this.#conversation?.setTyping(false)
    this.#conversation?.setDraft({ text: '', quote: undefined })
    this.emit('weft-compose', quote ? { text: words, quote } : { text: words })
    area.focus()
  }
}

/** Makes the textarea as high as its text, for browsers without field-sizing. */
function fitHeight(area: HTMLTextAreaElement): void {
  if (CSS.supports('field-sizing', 'content')) return
  area.style.blockSize = 'auto'
  area.style.blockSize = `${area.scrollHeight}px`
}
