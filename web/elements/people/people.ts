import { css, html, nothing, type TemplateResult } from 'lit'
import type { Person, Room } from '@weft/sdk'
import { face } from '../avatars/face.ts'
import { WeftElement } from '../base/element.ts'
import { faceSheet, sheet } from '../base/sheet.ts'

/**
 * `<weft-people>`: everybody here, in words.
 *
 * @fires weft-person "Go there" was pressed; `detail.id` is the person
 */
export class WeftPeople extends WeftElement {
  static override properties = { room: { attribute: false } }
  declare room: Room | null

  static override styles = [sheet, faceSheet, css`
    :host { overflow: auto; }
    ul { list-style: none; margin: 0; padding: 10px 8px; }
    li { display: flex; align-items: center; gap: 10px; padding: 7px 8px; border-radius: var(--weft-r1); }
    b { font-weight: 600; } small { display: block; font-size: 12.5px; color: var(--weft-ink-3); }
    .who { flex: 1; min-inline-size: 0; overflow: hidden; text-overflow: ellipsis; }
    p { margin: 6px 16px; color: var(--weft-ink-3); }
  `]

  constructor() {
    super()
    this.room = null
  }

  protected override sources() {
    return [this.room?.presence.others, this.room?.presence.me]
  }

  protected override render(): TemplateResult | typeof nothing {
    if (!this.room) return nothing
    const me = this.room.presence.me.get()
    const others = this.room.presence.others.get()
    return html`<ul aria-label="People">
      ${me ? this.#row(me, true) : nothing}
      ${others.map((p) => this.#row(p, false))}
    </ul>
    ${others.length === 0 ? html`<p>Just you. Send someone the link.</p>` : nothing}`
  }

  #row(p: Person, mine: boolean): TemplateResult {
    const devices = p.devices > 1 ? `, on ${p.devices} devices` : ''
    return html`<li data-person=${p.id}>${face(p)}
      <div class="who"><b><bdi>${p.name}</bdi></b>${mine ? ' (you)' : ''}<small>${states[p.state]}${devices}</small></div>
      ${mine ? nothing : html`<button class="button quiet" @click=${() => this.tell('weft-person', { id: p.id })}>Go there</button>`}
    </li>`
  }
}

const states: Record<Person['state'], string> = { active: 'Here now', idle: 'Idle', away: 'Away' }
