import { html, nothing, type TemplateResult } from 'lit'
import { toSlot, type Line, type Message, type MessagePart, type Person, type Quote, type QuoteState, type UserInfo } from '@weft/sdk'
import { face } from '../avatars/face.ts'
import { icons } from '../base/icons.ts'
import { chat as text, clockTime, dateTime, dayName, list, sameDay } from '../text/index.ts'
import type { Action, OpenPart } from './actions.ts'
import { happenings, isEmoji, type Row } from './log.ts'

/** What the rows need of the log that holds them. */
export interface RowHost {
  /** The reader's id; undefined until the room has told it. */
  readonly me: string | undefined
  readonly canSend: boolean
  /** False in a thread, because replies have no threads. */
  readonly canOpenThreads: boolean
  readonly open: OpenPart
  /** The id of the row that Tab reaches. */
  readonly current: string | null
  /** The person with an id, if they are here or have written a message. */
  person(id: string): UserInfo | undefined
  state(id: string): Person['state'] | 'gone'
  quoteState(quote: Quote): QuoteState | undefined
  run(action: Action, m: Message): void
  react(m: Message, emoji: string): void
  /** Shows the quoted text in the page. */
  showQuote(quote: Quote): void
}

/** A message, below what stands above it: system lines, the day, the rule "New", the author's name. */
export function row(r: Row, host: RowHost): TemplateResult {
  const { message: m } = r
  const classes = `row${r.continues ? ' continues' : ''}${m.mentionsMe ? ' me' : ''}${m.mine ? ' mine' : ''}`
  const open = host.open?.id === m.id ? host.open.what : undefined
  const linesBeforeDay = r.opensDay ? r.lines.filter((l) => !sameDay(new Date(l.at), r.at)) : []
  return html`${systemLines(linesBeforeDay, host.me)}
    ${r.opensDay ? html`<div class="day">${dayName(r.at, new Date())}</div>` : nothing}
    ${systemLines(r.lines.slice(linesBeforeDay.length), host.me)}
    ${r.opensNew ? html`<div class="new" role="separator">${text.newRule}</div>` : nothing}
    <article class=${classes} part=${m.mine ? 'row mine' : 'row'} data-message-id=${m.id} data-state=${m.state}
      tabindex=${host.current === m.id ? 0 : -1} aria-label=${label(r)}>
      ${r.continues ? nothing : html`${face({ ...m.user, state: host.state(m.user.id) })}<div class="head"><bdi>${m.user.name}</bdi>
        <time datetime=${m.createdAt} dir="auto" title=${dateTime(r.at)}>${clockTime(r.at)}</time></div>`}
      ${m.quote?.text ? quoteChip(m.quote, host) : nothing}
      ${m.deleted
        ? html`<div class="text gone-text">${text.removed}</div>`
        : html`<div class="text ${isEmoji(m.text) ? 'emoji' : ''}" dir="auto">${m.parts.map((p) => part(p, host))}</div>`}
      ${reactions(m, host)}
      ${foot(m, host)}
      ${open === 'react' ? emojiPicker(m, host) : open === 'remove' ? removeConfirmation(m, host) : nothing}
      ${m.state === 'sent' && !m.deleted && host.canSend ? actions(m, host) : nothing}
    </article>`
}

/** System lines that stand together, as few sentences; `me` is the id of the reader. */
export function systemLines(lines: readonly Line[], me: string | undefined): TemplateResult[] {
  return happenings(lines, me).map((h) => html`<div class="line" part="line"><bdi>${h.kind === 'joined' ? text.joined(h.names) : text.renamed(h.before, h.name)}</bdi></div>`)
}

/** What a screen reader says of a row. */
function label({ message: m, at }: Row): string {
  return list([m.user.name, clockTime(at), ...m.mentionsMe ? [text.mentionsYou] : [], ...m.deleted ? [text.removed] : [m.text.slice(0, 200)]], 'unit')
}

/** A quote of the page: a button if the quoted text still stands in the page. */
function quoteChip(quote: Quote, host: RowHost): TemplateResult {
  const state = host.quoteState(quote)
  const words = html`${icons.quote}<span><q dir="auto">${quote.text}</q>${state === 'changed' ? html` <small>${text.quoteEdited}</small>`
    : state === 'gone' ? html` <small>${text.quoteRemoved}</small>` : nothing}</span>`
  return state === 'live' || state === 'changed'
    ? html`<button class="quote" part="quote" data-quote=${state} title=${text.showQuote} @click=${() => host.showQuote(quote)}>${words}</button>`
    : html`<div class="quote" part="quote" data-quote=${state ?? nothing}>${words}</div>`
}

/** A part of a message. Texts are text nodes, so nothing in a message becomes markup. */
function part(p: MessagePart, host: RowHost): TemplateResult | string {
  switch (p.type) {
    case 'bold': return html`<strong>${p.parts.map((x) => part(x, host))}</strong>`
    case 'italic': return html`<em>${p.parts.map((x) => part(x, host))}</em>`
    case 'strike': return html`<s>${p.parts.map((x) => part(x, host))}</s>`
    case 'link': return html`<a href=${p.href} title=${p.text === p.href ? nothing : p.href} target="_blank" rel="noopener nofollow ugc">${p.text}</a>`
    case 'code': return html`<code>${p.text}</code>`
    case 'codeblock': return html`<pre tabindex="-1">${p.text}</pre>`
    case 'mention': {
      const person = host.person(p.id)
      const slotClass = person && 'slot' in person ? `c${toSlot(Number(person.slot))}` : ''
      return html`<span class="chip ${p.id === host.me || p.id === '@room' ? 'me' : slotClass}" part="mention">${p.text}</span>`
    }
    default: return p.text
  }
}

/** The reactions to a message, and the button that opens its thread. */
function reactions(m: Message, host: RowHost): TemplateResult | typeof nothing {
  const replies = m.replies && m.replies.count > 0 && host.canOpenThreads ? m.replies : undefined
  if (m.reactions.length === 0 && !replies) return nothing
  return html`<div class="under">${m.reactions.map((r) => {
    const names = list(r.users.map((id) => id === host.me ? text.you : host.person(id)?.name ?? text.someone))
    return html`<button class="reaction" part="reaction" data-emoji=${r.emoji} aria-pressed=${r.mine} ?disabled=${!host.canSend}
      title=${names} aria-label=${text.reactionLabel(r.emoji, r.users.length, names)} @click=${() => host.react(m, r.emoji)}>${r.emoji} <b>${r.users.length}</b></button>`
  })}
    ${replies ? html`<button class="replies" part="replies" @click=${() => host.run('reply', m)}>${replies.people.map((p) => face({ ...p, ...host.person(p.id) }))}
      ${text.replies(replies.count)}</button>` : nothing}</div>`
}

/** The line below a message that says whether it was sent or edited. */
function foot(m: Message, host: RowHost): TemplateResult | typeof nothing {
  if (m.state === 'queued') return html`<div class="foot">${icons.clock} ${text.queued}</div>`
  if (m.state !== 'failed') return m.editedAt && !m.deleted ? html`<div class="foot" title=${dateTime(new Date(m.editedAt))}>${m.editedBy ? text.editedBy(m.editedBy.name) : text.edited}</div>` : nothing
  return html`<div class="foot failed" role="alert"><span>${text.notSent(m.error?.message ?? '')}</span>
    <button @click=${() => host.run('retry', m)}>${text.retry}</button>
    <button @click=${() => host.run('copy', m)}>${text.copy}</button>
    <button @click=${() => host.run('discard', m)}>${text.remove}</button></div>`
}

/** The buttons that appear over a row while the pointer or the focus is in it. */
function actions(m: Message, host: RowHost): TemplateResult {
  const button = (action: Action, icon: TemplateResult, label: string): TemplateResult =>
    html`<button class="act" data-act=${action} aria-label=${label} title=${label} @click=${() => host.run(action, m)}>${icon}</button>`
  return html`<div class="actions" role="toolbar" aria-label=${text.actions}>
    ${button('react', icons.smile, text.react)}
    ${host.canOpenThreads ? button('reply', icons.reply, text.reply) : nothing}
    ${m.mine ? button('edit', icons.pen, text.edit) : nothing}
    ${m.mine ? button('remove', icons.bin, text.remove) : nothing}</div>`
}

/** The emoji that are one press away, and a field for any other. */
function emojiPicker(m: Message, host: RowHost): TemplateResult {
  const send = (e: SubmitEvent): void => {
    e.preventDefault()
    const field = (e.currentTarget as HTMLFormElement).elements.namedItem('emoji') as HTMLInputElement
    const emoji = field.value.trim()
    if (isEmoji(emoji)) host.react(m, emoji)
    else field.setCustomValidity(text.oneEmoji)
    field.reportValidity()
  }
  return html`<form class="picker" aria-label=${text.react} @submit=${send} @keydown=${(e: KeyboardEvent) => {
    if (e.key !== 'Escape') return
    e.stopPropagation()
    host.run('close', m)
  }}>
    ${Object.entries(text.emoji).map(([emoji, name]) => html`<button type="button" aria-label=${name} title=${name} data-emoji=${emoji} @click=${() => host.react(m, emoji)}>${emoji}</button>`)}
    <input name="emoji" aria-label=${text.otherEmoji} placeholder=${text.otherEmoji} maxlength="32" autocomplete="off" @input=${(e: Event) => (e.target as HTMLInputElement).setCustomValidity('')}>
  </form>`
}

/** The question whether to delete a message. */
function removeConfirmation(m: Message, host: RowHost): TemplateResult {
  return html`<div class="foot confirm" role="group" aria-label=${text.confirmRemove}><span>${text.confirmRemove}</span>
    <button data-act="confirm-remove" @click=${() => host.run('confirm-remove', m)}>${text.remove}</button>
    <button data-act="close" @click=${() => host.run('close', m)}>${text.keep}</button></div>`
}
