import { html, nothing, render, type TemplateResult } from 'lit'
import { icons } from '../elements/base/icons.ts'
import { ago, landing as text, space } from '../elements/text/index.ts'
import { pathOf, titleFromRoom, roomFor, roomFromPaste } from './address.ts'
import { passTitle, recentSpaces, storeName, storedName } from './device.ts'

/** The link or code that was entered is not one of this server. */
let isInvalidLink = false

function page(): TemplateResult {
  const recent = recentSpaces()
  return html`
    <header class="top"><span class="mark"></span><b>${space.product}</b></header>
    <main>
      <div>
        <h1>${text.headline}</h1>
        <p class="lead">${text.lead}</p>
        <form @submit=${start}>
          <label>${text.spaceName}<input name="space" placeholder=${text.spaceExample} autocomplete="off" maxlength="120" autofocus></label>
          <div class="pair">
            <label>${text.yourName}<input name="name" .value=${storedName()} autocomplete="nickname" maxlength="40" placeholder=${text.nameExample}></label>
            <button class="big">${text.start}</button>
          </div>
        </form>
        <form class="join" @submit=${join}>
          <label>${text.haveLink}<input name="link" placeholder=${text.pasteHere} autocomplete="off" autocapitalize="none" spellcheck="false"
            aria-invalid=${isInvalidLink} @paste=${openPasted} @input=${() => { isInvalidLink = false; draw() }}></label>
          ${isInvalidLink ? html`<p role="alert">${text.notALink}</p>` : nothing}
        </form>
        ${recent.length > 0 ? html`<ul class="recent" aria-label=${text.recentSpaces}>${recent.map((r) => html`
          <li><a href=${pathOf(r.room)}>${icons.page}<span dir="auto">${r.title || titleFromRoom(r.room)}</span><small>${ago(new Date(r.at), new Date())}</small></a></li>`)}</ul>` : nothing}
      </div>
      ${picture}
    </main>`
}

/** What a space looks like, as a drawing: nothing in it is live. */
const { first, second, message } = text.picture
const picture = html`
  <div class="paper" aria-hidden="true">
    <h2>${text.picture.heading}</h2>
    <p>${first.before}<span class="selected c7">${first.selected}</span><span class="caret c7"><i>${first.person}</i></span>${first.after}</p>
    <p>${second.before}<span class="caret blink c4"><i>${second.person}</i></span>${second.after}</p>
    <div class="said"><span class="face c0" data-initials=${message.initials}></span><b>${message.person}</b><span><mark>${message.mention}</mark>${message.text}</span></div>
  </div>`

function start(e: SubmitEvent): void {
  e.preventDefault()
  const fields = new FormData(e.currentTarget as HTMLFormElement)
  const title = fieldValue(fields, 'space')
  storeName(fieldValue(fields, 'name') || storedName())
  const room = roomFor(title)
  passTitle(room, title)
  location.assign(pathOf(room))
}

function join(e: SubmitEvent): void {
  e.preventDefault()
  open(fieldValue(new FormData(e.currentTarget as HTMLFormElement), 'link'))
}

/** A pasted link is opened at once, without Enter. */
function openPasted(e: ClipboardEvent): void {
  const link = e.clipboardData?.getData('text') ?? ''
  if (!link.includes('/s/') || roomFromPaste(link, location.origin) === null) return
  e.preventDefault()
  open(link)
}

function open(link: string): void {
  if (link === '') return
  const name = document.querySelector<HTMLInputElement>('input[name=name]')?.value.trim() ?? ''
  if (name !== '') storeName(name)
  const room = roomFromPaste(link, location.origin)
  if (room !== null) location.assign(pathOf(room))
  else {
    isInvalidLink = true
    draw()
  }
}

const fieldValue = (fields: FormData, name: string): string => String(fields.get(name) ?? '').trim()

function draw(): void {
  render(page(), document.body)
}

draw()
document.querySelector<HTMLInputElement>('input[name=space]')?.focus()
