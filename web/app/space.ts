import { createClient, type Room } from '@weft/sdk'
import { space as text } from '../elements/text/index.ts'
import { define } from '../elements/base/element.ts'
import '../elements/define.ts'
import { titleFromRoom, roomOf } from './address.ts'
import { storeRecent, storedName, storeName, takeTitle } from './device.ts'
import { messageOf, markSeenNotificationsRead } from './reading.ts'
import { Title } from './title.ts'
import { WeftApp } from './view.ts'

define('weft-app', WeftApp)

/** Opens the space of a room in this page. */
function start(id: string): void {
  // ?guest=2 makes a second person in the same browser, of whom nothing is stored.
  const second = new URLSearchParams(location.search).get('guest')
  const newTitle = takeTitle(id)
  const name = second === null ? storedName() : text.guest(second.slice(0, 3))
  const client = createClient({ guest: { ...name === '' ? {} : { name } }, storage: second === null ? 'local' : 'memory' })
  const room = client.room(id)
  const title = new Title(room)

  const app = new WeftApp()
  app.client = client
  app.room = room
  app.spaceTitle = title
  app.joined = name !== '' || newTitle !== null
  app.guestName = name
  app.addEventListener('app-join', (e) => {
    const chosen = (e as CustomEvent<{ name: string }>).detail.name
    storeName(chosen)
    app.joined = true
    void client.rename(chosen).catch(() => undefined) // the status pill shows if the server cannot be reached
  })
  app.addEventListener('weft-status-action', (e) => {
    const { action } = (e as CustomEvent<{ action: string }>).detail
    if (action === 'rescue') void downloadCopy(room, app)
    else if (action === 'reload') location.reload()
    else client.retry()
  })
  app.addEventListener('weft-open', (e) => {
    if (navigate(app, id, (e as CustomEvent<{ url: string }>).detail.url)) e.preventDefault()
  })
  app.addEventListener('weft-seen', markSeenNotificationsRead(client, room))
  document.body.append(app)

  void room.synced.then(() => {
    if (newTitle && title.get() === '') title.set(newTitle)
    title.subscribe((words) => {
      document.title = text.windowTitle(words || titleFromRoom(id))
      if (second === null) storeRecent(id, words)
    })
  })
  warnBeforeLoss(room)
  navigator.serviceWorker?.addEventListener('message', (e: MessageEvent<unknown>) => {
    const { type, url } = (e.data ?? {}) as { type?: unknown; url?: unknown }
    if (type === 'room:navigate' && typeof url === 'string') navigate(app, id, url)
  })
  navigate(app, id, location.href)
  addEventListener('hashchange', () => navigate(app, id, location.href))
}

/** Shows the message that an address of this room names, if it names one. It returns false if the address is not of this room. */
function navigate(app: WeftApp, id: string, address: string): boolean {
  const url = new URL(address, location.href)
  if (url.origin !== location.origin || roomOf(url.pathname) !== id) return false
  const message = messageOf(url.hash)
  if (message) app.goToMessage(message)
  return true
}

/** Makes the browser ask before it closes the tab, while work exists only in this tab. */
function warnBeforeLoss(room: Room): void {
  const ask = (e: BeforeUnloadEvent): void => e.preventDefault()
  room.safety.subscribe((safety) => {
    if (safety.state === 'memory') addEventListener('beforeunload', ask)
    else removeEventListener('beforeunload', ask)
  })
}

/** Downloads the text as a file, because the server will not store it: as a Yjs update if changes were refused, else as Markdown. */
async function downloadCopy(room: Room, app: WeftApp): Promise<void> {
  const safety = room.safety.get()
  const text = app.querySelector<HTMLElement>('.weft-surface')?.innerText ?? ''
  const copy = safety.state === 'refused' ? await safety.rescue() : new Blob([text], { type: 'text/markdown' })
  const link = document.createElement('a')
  link.href = URL.createObjectURL(copy)
  link.download = `${room.id.replace(/[^\p{L}\p{N}-]+/gu, '-')}.${safety.state === 'refused' ? 'yjs' : 'md'}`
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

const id = roomOf(location.pathname)
if (id === null) location.replace('/')
else start(id)
