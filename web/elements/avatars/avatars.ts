import { css, html, nothing, type TemplateResult } from 'lit'
import type { Person, Room } from '@weft/sdk'
import { WeftElement } from '../base/element.ts'
import { faceSheet, sheet } from '../base/sheet.ts'
import { avatars as text, list } from '../text/index.ts'
import { face } from './face.ts'

/**
 * `<weft-avatars>`: the people in a room, one face for each.
 *
 * @fires weft-person a face was pressed; `detail.id` is the person's id
 * @fires weft-people-open the button that counts the other people was pressed
 */
export class WeftAvatars extends WeftElement {
  static override properties = { room: { attribute: false }, max: { type: Number }, self: { type: Boolean } }
  declare room: Room | null
  /** At most this many faces; a button counts the other people. */
  declare max: number
  /** The reader has a face too. */
  declare self: boolean

  static override styles = [sheet, faceSheet, css`
    .stack { display: flex; margin: 0; padding: 0; list-style: none; }
    li + li { margin-inline-start: -4px; }
    button { display: block; border-radius: 50%; outline: 2px solid var(--weft-surface); transition: translate 120ms var(--weft-ease); }
    button:hover { translate: 0 -1px; }
    button:focus-visible { outline: 2px solid var(--weft-focus); outline-offset: 1px; z-index: 2; position: relative; }
    .more { inline-size: var(--s, 28px); block-size: var(--s, 28px); background: var(--weft-sunken); display: grid; place-items: center; font-size: 11px; font-weight: 600; color: var(--weft-ink-2); }
  `]

  constructor() {
    super()
    this.room = null
    this.max = 4
    this.self = false
  }

  protected override sources() {
    return [this.room?.presence.others, this.room?.presence.me]
  }

  protected override render(): TemplateResult | typeof nothing {
    if (!this.room) return nothing
    const others = this.room.presence.others.get()
    const me = this.room.presence.me.get()
    const people = this.self && me ? [...others, me] : others
    this.dataset['count'] = String(people.length)
    const rest = people.slice(this.max)
    return html`<ul class="stack" aria-label=${text.label}>
      ${people.slice(0, this.max).map((p) => this.#face(p))}
      ${rest.length > 0
        ? html`<li><button class="more" title=${list(rest.map((p) => p.name))} aria-label=${text.more(rest.length)}
            @click=${() => this.emit('weft-people-open', null)}>+${rest.length}</button></li>`
        : nothing}
    </ul>`
  }

  #face(p: Person): TemplateResult {
    const label = p.state === 'active' ? p.name : text.withState(p.name, p.state)
    return html`<li><button data-person=${p.id} data-state=${p.state} title=${label} aria-label=${label}
      @click=${() => this.emit('weft-person', { id: p.id })}>${face(p)}</button></li>`
  }
}
