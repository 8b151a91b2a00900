import { html, nothing, type TemplateResult } from 'lit'
import { toSlot, type Line, type Message, type MessagePart, type Person, type Quote, type QuoteState, type UserInfo } from '@weft/sdk'
import { face } from '../avatars/face.ts'
import { icons } from '../base/icons.ts'
import { chat as text, clockTime, dateTime, dayName, list, sameDay } from '../text/index.ts'
import { happenings, isEmoji, type Row } from './log.ts'

/** What of a row is open below its text. */
export type Open = { readonly id: string; readonly what: 'react' | 'remove' } | null

/** What rows ask of the log that holds them. */
export interface RowHost {
  readonly me: string | undefined
  readonly canSend: boolean
  /** In a thread nothing leads to threads. */
  readonly threads: boolean
  readonly open: Open
  /** The row that Tab reaches. */
  readonly current: string | null
  person(id: string): UserInfo | undefined
  state(id: string): Person['state'] | 'gone'
  quoteState(quote: Quote): QuoteState | undefined
  act(what: Action, m: Message): void
  react(m: Message, emoji: string): void
  toQuote(quote: Quote): void
}

export type Action = 'react' | 'reply' | 'edit' | 'remove' | 'removed' | 'close' | 'retry' | 'discard' | 'copy'

/** A message under, perhaps, a day, the rule above what is new, and its author's name. */
export function row(r: Row, host: RowHost): TemplateResult {
  const { message: m } = r
  const names = `row${r.continues ? ' continues' : ''}${m.mentionsMe ? ' me' : ''}${m.mine ? ' mine' : ''}`
  const open = host.open?.id === m.id ? host.open.what : undefined
  const ofBefore = r.opensDay ? r.lines.filter((l) => !sameDay(new Date(l.at), r.at)) : []
  return html`${systemLines(ofBefore, host.me)}
    ${r.opensDay ? html`<div class="day">${dayName(r.at, new Date())}</div>` : nothing}
    ${systemLines(r.lines.slice(ofBefore.length), host.me)}
    ${r.opensNew ? html`<div class="new" role="separator">${text.newRule}</div>` : nothing}
    <article class=${names} part=${m.mine ? 'row mine' : 'row'} data-message-id=${m.id} data-state=${m.state}
      tabindex=${host.current === m.id ? 0 : -1} aria-label=${label(r)}>
      ${r.continues ? nothing : html`${face({ ...m.user, state: host.state(m.user.id) })}<div class="head"><bdi>${m.user.name}</bdi>
        <time datetime=${m.createdAt} dir="auto" title=${dateTime(r.at)}>${clockTime(r.at)}</time></div>`}
      ${m.quote?.text ? quoteChip(m.quote, host) : nothing}
      ${m.deleted
        ? html`<div class="text gone-text">${text.removed}</div>`
        : html`<div class="text ${isEmoji(m.text) ? 'emoji' : ''}" dir="auto">${m.parts.map((p) => part(p, host))}</div>`}
      ${reactions(m, host)}
      ${foot(m, host)}
      ${open === 'react' ? picker(m, host) : open === 'remove' ? confirmation(m, host) : nothing}
      ${m.state === 'sent' && !m.deleted && host.canSend ? actions(m, host) : nothing}
    </article>`
}

export function systemLines(lines: readonly Line[], me: string | undefined): TemplateResult[] {
  return happenings(lines, me).map((h) => html`<div class="line" part="line"><bdi>${h.kind === 'joined' ? text.joined(h.names) : text.renamed(h.before, h.name)}</bdi></div>`)
}

function label({ message: m, at }: Row): string {
  return list([m.user.name, clockTime(at), ...m.mentionsMe ? [text.mentionsYou] : [], ...m.deleted ? [text.removed] : [m.text.slice(0, 200)]], 'unit')
}

function quoteChip(quote: Quote, host: RowHost): TemplateResult {
  const state = host.quoteState(quote)
  const words = html`${icons.quote}<span><q dir="auto">${quote.text}</q>${state === 'changed' ? html` <small>${text.quoteEdited}</small>`
    : state === 'gone' ? html` <small>${text.quoteRemoved}</small>` : nothing}</span>`
  return state === 'live' || state === 'changed'
    ? html`<button class="quote" part="quote" data-quote=${state} title=${text.showQuote} @click=${() => host.toQuote(quote)}>${words}</button>`
    : html`<div class="quote" part="quote" data-quote=${state ?? nothing}>${words}</div>`
}

function part(p: MessagePart, host: RowHost): TemplateResult | string {
  switch (p.type) {
    case 'bold': return html`<strong>${p.parts.map((x) => part(x, host))}</strong>`
    case 'italic': return html`<em>${p.parts.map((x) => part(x, host))}</em>`
    case 'strike': return html`<s>${p.parts.map((x) => part(x, host))}</s>`
    case 'link': return html`<a href=${p.href} title=${p.text === p.href ? nothing : p.href} target="_blank" rel="noopener nofollow ugc">${p.text}</a>`
    case 'code': return html`<code>${p.text}</code>`
    case 'codeblock': return html`<pre tabindex="-1">${p.text}</pre>`
    case 'mention': {
      const known = host.person(p.id)
      const slot = known && 'slot' in known ? ` c${toSlot(Number(known.slot))}` : ''
      return html`<span class="chip ${p.id === host.me || p.id === '@room' ? 'me' : slot}" part="mention">${p.text}</span>`
    }
    default: return p.text
  }
}

function reactions(m: Message, host: RowHost): TemplateResult | typeof nothing {
  const replies = m.replies && m.replies.count > 0 && host.threads ? m.replies : undefined
  if (m.reactions.length === 0 && !replies) return nothing
  return html`<div class="under">${m.reactions.map((r) => {
    const names = list(r.users.map((id) => id === host.me ? text.you : host.person(id)?.name ?? text.someone))
    return html`<button class="reaction" part="reaction" data-emoji=${r.emoji} aria-pressed=${r.mine} ?disabled=${!host.canSend}
      title=${names} aria-label=${text.reactionLabel(r.emoji, r.users.length, names)} @click=${() => host.react(m, r.emoji)}>${r.emoji} <b>${r.users.length}</b></button>`
  })}
    ${replies ? html`<button class="replies" part="replies" @click=${() => host.act('reply', m)}>${replies.people.map((p) => face({ ...p, ...host.person(p.id) }))}
      ${text.replies(replies.count)}</button>` : nothing}</div>`
}

function foot(m: Message, host: RowHost): TemplateResult | typeof nothing {
  if (m.state === 'queued') return html`<div class="foot">${icons.clock} ${text.queued}</div>`
  if (m.state !== 'failed') return m.editedAt && !m.deleted ? html`<div class="foot" title=${dateTime(new Date(m.editedAt))}>${m.editedBy ? text.editedBy(m.editedBy.name) : text.edited}</div>` : nothing
  return html`<div class="foot failed" role="alert"><span>${text.notSent(m.error?.message ?? '')}</span>
    <button @click=${() => host.act('retry', m)}>${text.retry}</button>
    <button @click=${() => host.act('copy', m)}>${text.copy}</button>
    <button @click=${() => host.act('discard', m)}>${text.remove}</button></div>`
}

function actions(m: Message, host: RowHost): TemplateResult {
  const button = (what: Action, icon: TemplateResult, words: string): TemplateResult =>
    html`<button class="act" data-act=${what} aria-label=${words} title=${words} @click=${() => host.act(what, m)}>${icon}</button>`
  return html`<div class="actions" role="toolbar" aria-label=${text.actions}>
    ${button('react', icons.smile, text.react)}
    ${host.threads ? button('reply', icons.reply, text.reply) : nothing}
    ${m.mine ? button('edit', icons.pen, text.edit) : nothing}
    ${m.mine ? button('remove', icons.bin, text.remove) : nothing}</div>`
}

function picker(m: Message, host: RowHost): TemplateResult {
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
    host.act('close', m)
  }}>
    ${Object.entries(text.emoji).map(([emoji, name]) => html`<button type="button" aria-label=${name} title=${name} data-emoji=${emoji} @click=${() => host.react(m, emoji)}>${emoji}</button>`)}
    <input name="emoji" aria-label=${text.otherEmoji} placeholder=${text.otherEmoji} maxlength="32" autocomplete="off" @input=${(e: Event) => (e.target as HTMLInputElement).setCustomValidity('')}>
  </form>`
}

function confirmation(m: Message, host: RowHost): TemplateResult {
  return html`<div class="foot sure" role="group" aria-label=${text.confirmRemove}><span>${text.confirmRemove}</span>
    <button data-act="removed" @click=${() => host.act('removed', m)}>${text.remove}</button>
    <button data-act="close" @click=${() => host.act('close', m)}>${text.keep}</button></div>`
}
