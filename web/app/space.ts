import { createClient, type Room } from '@weft/sdk'
import { space as text } from '../elements/text/index.ts'
import { define } from '../elements/base/element.ts'
import '../elements/define.ts'
import { pretty, roomOf } from './address.ts'
import { remember, storedName, storeName, takeTitle } from './device.ts'
import { messageOf, readWhatIsSeen } from './reading.ts'
import { Title } from './title.ts'
import { WeftApp } from './view.ts'

define('weft-app', WeftApp)

function start(id: string): void {
  // ?guest=2 is a second person in the same browser; nothing of theirs is kept.
  const second = new URLSearchParams(location.search).get('guest')
  const newTitle = takeTitle(id)
  const name = second === null ? storedName() : text.guest(second.slice(0, 3))
  const client = createClient({ guest: { ...name === '' ? {} : { name } }, storage: second === null ? 'local' : 'memory' })
  const room = client.room(id)
  const title = new Title(room)

  const app = new WeftApp()
  app.client = client
  app.room = room
  app.title_ = title
  app.joined = name !== '' || newTitle !== null
  app.guestName = name
  app.addEventListener('app-join', (e) => {
    const chosen = (e as CustomEvent<{ name: string }>).detail.name
    storeName(chosen)
    app.joined = true
    void client.rename(chosen).catch(() => undefined) // the link's pill tells if the server is gone
  })
  app.addEventListener('weft-status-action', (e) => {
    const { action } = (e as CustomEvent<{ action: string }>).detail
    if (action === 'rescue') void keepCopy(room, app)
    else if (action === 'reload') location.reload()
    else client.retry()
  })
  app.addEventListener('weft-open', (e) => {
    if (follow(app, id, (e as CustomEvent<{ url: string }>).detail.url)) e.preventDefault()
  })
  app.addEventListener('weft-seen', readWhatIsSeen(client, room))
  document.body.append(app)

  void room.synced.then(() => {
    if (newTitle && title.get() === '') title.set(newTitle)
    title.subscribe((words) => {
      document.title = text.windowTitle(words || pretty(id))
      if (second === null) remember(id, words)
    })
  })
  warnBeforeLoss(room)
  navigator.serviceWorker?.addEventListener('message', (e: MessageEvent<unknown>) => {
    const { type, url } = (e.data ?? {}) as { type?: unknown; url?: unknown }
    if (type === 'room:navigate' && typeof url === 'string') follow(app, id, url)
  })
  follow(app, id, location.href)
  addEventListener('hashchange', () => follow(app, id, location.href))
}

/** Goes to what an address of this room names; false if it is another's. */
function follow(app: WeftApp, id: string, address: string): boolean {
  const url = new URL(address, location.href)
  if (url.origin !== location.origin || roomOf(url.pathname) !== id) return false
  const message = messageOf(url.hash)
  if (message) app.goToMessage(message)
  return true
}

/** The browser asks before it closes the tab only if work would be lost. */
function warnBeforeLoss(room: Room): void {
  const ask = (e: BeforeUnloadEvent): void => e.preventDefault()
  room.safety.subscribe((safety) => {
    if (safety.state === 'memory') addEventListener('beforeunload', ask)
    else removeEventListener('beforeunload', ask)
  })
}

/** Saves what is on screen as a file: the server will not keep it. */
async function keepCopy(room: Room, app: WeftApp): Promise<void> {
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
