import { html, nothing, render, type TemplateResult } from 'lit'
import { icons } from '../elements/base/icons.ts'
import { ago } from '../elements/base/words.ts'
import { pathOf, pretty, roomFor, roomFromPaste } from './address.ts'
import { passTitle, recentSpaces, storeName, storedName } from './device.ts'

let wrongPaste = false

function page(): TemplateResult {
  const recent = recentSpaces()
  return html`
    <header class="top"><span class="mark"></span><b>Weft</b></header>
    <main>
      <div>
        <h1>Write it together, talk it through.</h1>
        <p class="lead">A page, the people on it, and the conversation beside it. No account needed.</p>
        <form @submit=${start}>
          <label>Space name<input name="space" placeholder="Bio 201, week 6" autocomplete="off" maxlength="120" autofocus></label>
          <div class="pair">
            <label>Your name<input name="name" .value=${storedName()} autocomplete="nickname" maxlength="40" placeholder="Nia"></label>
            <button class="big">Start a space</button>
          </div>
        </form>
        <form class="join" @submit=${join}>
          <label>Have a link or code?<input name="link" placeholder="Paste it here" autocomplete="off" autocapitalize="none" spellcheck="false"
            aria-invalid=${wrongPaste} @paste=${pasted} @input=${() => { wrongPaste = false; draw() }}></label>
          ${wrongPaste ? html`<p role="alert">That is no link or code of this server.</p>` : nothing}
        </form>
        ${recent.length > 0 ? html`<ul class="recent" aria-label="Recent spaces">${recent.map((r) => html`
          <li><a href=${pathOf(r.room)}>${icons.page}<span dir="auto">${r.title || pretty(r.room)}</span><small>${ago(new Date(r.at), new Date())}</small></a></li>`)}</ul>` : nothing}
      </div>
      ${picture}
    </main>`
}

/** What it looks like, as a drawing: nothing in it is live. */
const picture = html`
  <div class="paper" aria-hidden="true">
    <h2>Membranes &amp; transport</h2>
    <p>A cell membrane is not a wall. It is a <span class="selected c7">two-molecule-thick fluid</span><span class="caret c7"><i>Amara</i></span> that sorts what may pass.</p>
    <p>Proteins float in the sheet like boats; cholesterol keeps it from setting in the cold<span class="caret blink c4"><i>Jonas</i></span>.</p>
    <div class="said"><span class="face c0" data-initials="MK"></span><b>Mika</b><span><mark>@You</mark> can you take the pump? I’ll do diffusion tonight.</span></div>
  </div>`

function start(e: SubmitEvent): void {
  e.preventDefault()
  const fields = new FormData(e.currentTarget as HTMLFormElement)
  const title = text(fields, 'space')
  storeName(text(fields, 'name') || storedName())
  const room = roomFor(title)
  passTitle(room, title)
  location.assign(pathOf(room))
}

function join(e: SubmitEvent): void {
  e.preventDefault()
  open(text(new FormData(e.currentTarget as HTMLFormElement), 'link'))
}

/** A whole link needs no Enter. */
function pasted(e: ClipboardEvent): void {
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
    wrongPaste = true
    draw()
  }
}

const text = (fields: FormData, name: string): string => String(fields.get(name) ?? '').trim()

function draw(): void {
  render(page(), document.body)
}

draw()
document.querySelector<HTMLInputElement>('input[name=space]')?.focus()
