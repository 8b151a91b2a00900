import { css, html, nothing, type TemplateResult } from 'lit'
import type { Client, Person, PersonStatus, Readable, Room, UserInfo } from '@weft/sdk'
import { face } from '../avatars/face.ts'
import { WeftElement } from '../base/element.ts'
import { faceSheet, sheet } from '../base/sheet.ts'
import { ago, people as text } from '../text/index.ts'

/** At most this many people who have left are listed, the latest authors first. */
const maxEarlier = 20

/**
 * `<weft-people>`: the list of people in a room. If `client` is set, it also lists
 * the authors of messages who have left, with the time they were last seen.
 *
 * @fires weft-person "Go there" was pressed; `detail.id` is the person's id
 */
export class WeftPeople extends WeftElement {
  static override properties = { room: { attribute: false }, client: { attribute: false } }
  declare room: Room | null
  declare client: Client | null
  #watched: { readonly key: string; readonly people: Readable<ReadonlyMap<string, PersonStatus>> } | undefined

  static override styles = [sheet, faceSheet, css`
    :host { overflow: auto; }
    ul { list-style: none; margin: 0; padding: 10px 8px; }
    li { display: flex; align-items: center; gap: 10px; padding: 7px 8px; border-radius: var(--weft-r1); }
    b { font-weight: 600; } small { display: block; font-size: 12.5px; color: var(--weft-ink-3); }
    .who { flex: 1; min-inline-size: 0; overflow: hidden; text-overflow: ellipsis; }
    h2 { margin: 12px 16px 0; font: 600 12.5px/1.4 var(--weft-font); color: var(--weft-ink-3); }
    p { margin: 6px 16px; color: var(--weft-ink-3); }
  `]

  constructor() {
    super()
    this.room = null
    this.client = null
  }

  protected override sources() {
    return [this.room?.presence.others, this.room?.presence.me, this.room?.chat.messages, this.#status()]
  }

  /** Authors of messages who are not here, the latest first. */
  #earlier(): (UserInfo & { readonly slot: number })[] {
    const here = new Set([...this.room?.presence.others.get() ?? [], this.room?.presence.me.get()].map((p) => p?.id))
    const authors = new Map<string, UserInfo & { readonly slot: number }>()
    for (const m of [...this.room?.chat.messages.get() ?? []].reverse()) {
      if (!here.has(m.user.id) && !m.mine && authors.size < maxEarlier && !authors.has(m.user.id)) authors.set(m.user.id, m.user)
    }
    return [...authors.values()]
  }

  /** The status of the authors who are not here; undefined without a client or such authors. */
  #status(): Readable<ReadonlyMap<string, PersonStatus>> | undefined {
    const ids = this.#earlier().map((u) => u.id).sort()
    const key = ids.join('\n')
    if (!this.client || ids.length === 0) this.#watched = undefined
    else if (this.#watched?.key !== key) this.#watched = { key, people: this.client.watch(ids) }
    return this.#watched?.people
  }

  protected override render(): TemplateResult | typeof nothing {
    if (!this.room) return nothing
    const me = this.room.presence.me.get()
    const others = this.room.presence.others.get()
    const earlier = this.#earlier()
    const status = this.#status()?.get()
    return html`<ul aria-label=${text.label}>
      ${me ? this.#present(me, true) : nothing}
      ${others.map((p) => this.#present(p, false))}
    </ul>
    ${others.length === 0 ? html`<p>${text.justYou}</p>` : nothing}
    ${status && earlier.length > 0 ? html`<h2 id="earlier">${text.earlier}</h2><ul aria-labelledby="earlier">${earlier.map((u) => this.#absent(u, status.get(u.id)))}</ul>` : nothing}`
  }

  #present(p: Person, isMe: boolean): TemplateResult {
    return html`<li data-person=${p.id} data-state=${p.state}>${face(p)}
      <div class="who"><b><bdi>${p.name}</bdi></b>${isMe ? ` ${text.you}` : ''}<small>${text.states[p.state]}${p.devices > 1 ? `, ${text.onDevices(p.devices)}` : ''}</small></div>
      ${isMe ? nothing : html`<button class="button quiet" aria-label=${text.goThereLabel(p.name)} @click=${() => this.emit('weft-person', { id: p.id })}>${text.goThere}</button>`}
    </li>`
  }

  #absent(u: UserInfo & { readonly slot: number }, status: PersonStatus | undefined): TemplateResult {
    const detail = status === undefined ? '' : status.status !== 'offline' ? text.elsewhere : status.lastSeen === undefined ? text.notHere : text.lastSeen(ago(new Date(status.lastSeen), new Date()))
    return html`<li data-person=${u.id} data-state=${status?.status ?? 'gone'}>${face({ ...u, state: 'away' })}
      <div class="who"><b><bdi>${u.name}</bdi></b><small>${detail}</small></div></li>`
  }
}
