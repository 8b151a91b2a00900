// The push worker, /push-sw.js. It shows what came and brings people there; it
// has no cache and no fetch handler, so a new version may take over at once.
import { goTo } from './click.ts'
import { group, readData, readPayload, sameOrigin } from './payload.ts'

declare const self: ServiceWorkerGlobalScope
export {}

/** The fields that browsers know and TypeScript's library does not. */
type Options = NotificationOptions & { renotify?: boolean }
type Badge = { setAppBadge?: (n: number) => Promise<void>; clearAppBadge?: () => Promise<void> }

/** Not in TypeScript's library either: PushSubscriptionChangeEvent. */
type Changed = ExtendableEvent & { readonly oldSubscription?: PushSubscription | null; readonly newSubscription?: PushSubscription | null }

self.addEventListener('install', () => void self.skipWaiting())
self.addEventListener('activate', (e) => e.waitUntil(self.clients.claim()))
self.addEventListener('push', (e) => e.waitUntil(show(e.data?.text())))
self.addEventListener('notificationclick', (e) => {
  e.notification.close()
  e.waitUntil(clicked(e.notification.data))
})
self.addEventListener('pushsubscriptionchange', (e) => (e as Changed).waitUntil(renew(e as Changed)))

async function show(raw: string | undefined): Promise<void> {
  const one = readPayload(raw, self.location.origin)
  const held = await self.registration.getNotifications({ tag: one.tag }).catch(() => [])
  const n = group(held.map((h) => h.data as unknown), one)
  const options: Options = {
    body: n.body, tag: n.tag, lang: n.lang, dir: n.dir, data: n.data,
    silent: n.silent,
    renotify: !n.silent && n.data.kind === 'mention', // other kinds change it quietly
  }
  await self.registration.showNotification(n.title, options)
  if (n.badge !== undefined) await badge(n.badge)
}

async function badge(n: number): Promise<void> {
  const nav = self.navigator as Badge
  try {
    await (n === 0 ? nav.clearAppBadge?.() : nav.setAppBadge?.(n))
  } catch { /* the app is not installed */ }
}

async function clicked(data: unknown): Promise<void> {
  const url = sameOrigin(readData(data)?.url ?? '/', self.location.origin)
  const pages = await self.clients.matchAll({ type: 'window', includeUncontrolled: true })
  await goTo(url, pages, (u) => self.clients.openWindow(u))
}

/**
 * The browser has let go of the subscription: make another and tell the
 * server. A guest's token is on the shelf; without it, or if it is not taken,
 * the page does it, now or when it is next opened.
 */
async function renew(e: Changed): Promise<void> {
  const old = e.oldSubscription
  const key = old?.options.applicationServerKey
  let next = e.newSubscription ?? await self.registration.pushManager.getSubscription()
  if (!next && key) next = await self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key })
  if (!next || await told(next, old?.endpoint)) return
  for (const page of await self.clients.matchAll({ type: 'window' })) page.postMessage({ type: 'push:changed' })
}

async function told(next: PushSubscription, replaces: string | undefined): Promise<boolean> {
  try {
    const token = await (await caches.match('/weft-push-token', { cacheName: 'weft-push' }))?.text()
    if (!token) return false
    const response = await fetch('/api/push/subscriptions', {
      method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
      body: JSON.stringify({ ...next.toJSON(), ...(replaces === undefined ? {} : { replaces }) }),
    })
    return response.ok
  } catch {
    return false
  }
}
