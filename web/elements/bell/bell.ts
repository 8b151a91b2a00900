import { css, html, nothing, type TemplateResult } from 'lit'
import type { Client, Notice, PushState } from '@weft/sdk'
import { WeftElement } from '../base/element.ts'
import { icons } from '../base/icons.ts'
import { sheet } from '../base/sheet.ts'
import { ago, bell as text } from '../text/index.ts'

/**
 * `<weft-bell>`: the reader's notifications. A number on the bell counts the unread
 * ones. If all are read, a dot says that there are unseen ones. Opening the list
 * removes the dot, but not the number.
 *
 * @fires weft-open cancelable, before the browser goes to a notification's page; `detail.url`
 */
export class WeftBell extends WeftElement {
  static override properties = { client: { attribute: false }, open: { type: Boolean, reflect: true } }
  declare client: Client | null
  declare open: boolean
  #lastSeen: string | null = null // the id of the newest notification when the list was last open

  static override styles = [sheet, css`
    :host { position: relative; }
    .dot { position: absolute; inset-block-start: 6px; inset-inline-end: 6px; inline-size: 8px; block-size: 8px; border-radius: 50%; background: var(--weft-bad); box-shadow: 0 0 0 2px var(--weft-surface); }
    .icon .count { position: absolute; inset-block-start: -1px; inset-inline-end: -3px; padding: 0 5px; font-weight: 700; box-shadow: 0 0 0 2px var(--weft-surface); }
    .panel { position: fixed; inset: auto; inset-block-start: 58px; inset-inline-end: 12px; margin: 0; padding: 0; border: 0; inline-size: min(380px, calc(100vw - 24px)); max-block-size: min(560px, calc(100dvh - 80px)); overflow: auto; color: var(--weft-ink); background: var(--weft-raised); border-radius: var(--weft-r3); box-shadow: var(--weft-e2); }
    .panel:popover-open { animation: rise 180ms var(--weft-ease); }
    @keyframes rise { from { opacity: 0; translate: 0 -4px; } }
    header { display: flex; align-items: center; padding: 12px 8px 8px 16px; font-weight: 600; }
    header .button { margin-inline-start: auto; font-size: 13px; }
    ul { list-style: none; margin: 0; padding: 0 6px 6px; }
    .item { display: grid; grid-template-columns: 1fr auto; gap: 1px 10px; inline-size: 100%; padding: 9px 10px; border-radius: var(--weft-r1); position: relative; }
    .item:hover { background: var(--weft-wash); }
    .item.unread { box-shadow: inset 3px 0 0 var(--weft-marker); background: color-mix(in oklab, var(--weft-marker) 26%, transparent); }
    .item b { font-weight: 600; } .item time { color: var(--weft-ink-3); font-size: 12.5px; }
    .item span { grid-column: 1 / -1; color: var(--weft-ink-2); display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical; overflow: hidden; overflow-wrap: anywhere; }
    .none { padding: 10px 16px 22px; margin: 0; color: var(--weft-ink-3); }
    footer { display: flex; align-items: center; gap: 10px; padding: 10px 10px 10px 16px; border-block-start: 1px solid var(--weft-line); font-size: 13px; color: var(--weft-ink-2); }
    footer span { flex: 1; } footer small { display: block; color: var(--weft-ink-3); font-size: 12.5px; }
  `]

  constructor() {
    super()
    this.client = null
    this.open = false
  }

  protected override sources() {
    return [this.client?.notifications.items, this.client?.notifications.unread, this.client?.notifications.unseen, this.client?.push.state]
  }

  protected override render(): TemplateResult | typeof nothing {
    const { client } = this
    if (!client) return nothing
    const items = client.notifications.items.get()
    const unread = client.notifications.unread.get()
    const unseen = unread === 0 && client.notifications.unseen.get() > 0 && items[0]?.id !== this.#lastSeen
    this.dataset['unread'] = String(unread)
    this.dataset['unseen'] = String(client.notifications.unseen.get())
    const label = unread > 0 ? text.labelUnread(unread) : text.label
    return html`<button class="icon" part="button" popovertarget="panel" aria-label=${label} title=${text.label} data-unread=${unread}>${icons.bell}
        ${unread > 0 ? html`<span class="count" part="badge">${text.badge(unread)}</span>` : unseen ? html`<span class="dot" part="badge"></span>` : nothing}</button>
      <div id="panel" class="panel" part="panel" popover role="dialog" aria-label=${text.label} @toggle=${this.#onToggle}>
        <header>${text.label} ${unread > 0 ? html`<button class="button quiet" @click=${() => void client.notifications.markAllRead().catch(() => undefined)}>${text.markAllRead}</button>` : nothing}</header>
        ${items.length === 0
          ? html`<p class="none">${text.empty}</p>`
          : html`<ul>${items.map((n) => this.#notification(n))}</ul>`}
        ${client.notifications.hasMore.get() ? html`<footer><button class="button quiet" @click=${() => void client.notifications.loadMore().catch(() => undefined)}>${text.showOlder}</button></footer>` : nothing}
        ${this.#push(client.push.state.get())}
      </div>`
  }

  #notification(n: Notice): TemplateResult {
    return html`<li><button class="item ${n.readAt ? '' : 'unread'}" part="item" data-notice=${n.id} @click=${() => this.#open(n)}>
      <b dir="auto">${n.title}</b><time datetime=${n.createdAt}>${ago(new Date(n.createdAt), new Date())}</time>
      <span dir="auto">${n.body}</span></button></li>`
  }

  /** The row that says whether this browser gets web push, and changes it. */
  #push(state: PushState): TemplateResult | typeof nothing {
    const row = ({ title, detail, button }: { readonly title: string; readonly detail: string; readonly button?: string }, press?: () => void): TemplateResult =>
      html`<footer data-push=${state.state}><span>${title}<small>${detail}</small></span>
        ${button ? html`<button class="button line" @click=${press}>${button}</button>` : nothing}</footer>`
    const enable = (): void => void this.client?.push.enable().catch(() => undefined)
    switch (state.state) {
      case 'on': return row(text.push.on, () => void this.client?.push.disable().catch(() => undefined))
      case 'asking': return row(text.push.asking)
      case 'denied': return row(text.push.denied)
      case 'needs-install': return row(text.push.needsInstall)
      case 'unsupported': return state.why === 'in-iframe' ? row(text.push.inFrame) : nothing
      case 'error': return row({ ...text.push.failed, detail: state.error.message }, enable)
      default: return row(text.push.off, enable)
    }
  }

  /** Marks a notification read and goes to what it is about. */
  #open(n: Notice): void {
    void this.client?.notifications.markRead(n.id).catch(() => undefined)
    this.renderRoot.querySelector<HTMLElement>('#panel')?.hidePopover()
    if (this.emit('weft-open', { url: n.url, notice: n }, true)) location.assign(n.url)
  }

  #onToggle = (e: ToggleEvent): void => {
    this.open = e.newState === 'open'
    this.#lastSeen = this.client?.notifications.items.get()[0]?.id ?? null
    this.requestUpdate()
  }
}
