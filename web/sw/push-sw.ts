// The service worker for web push, /push-sw.js. It shows push messages as
// notifications, and a click on one goes to its message. It has no fetch handler, so
// a new version may take over at once.
import { goTo } from './click.ts'
import { group, readData, readPayload, sameOrigin } from './payload.ts'

declare const self: ServiceWorkerGlobalScope
export {}

/** Fields that browsers have and TypeScript's library lacks. */
type Options = NotificationOptions & { renotify?: boolean }
type Badge = { setAppBadge?: (n: number) => Promise<void>; clearAppBadge?: () => Promise<void> }

/** PushSubscriptionChangeEvent, which TypeScript's library lacks too. */
type SubscriptionChangeEvent = ExtendableEvent & { readonly oldSubscription?: PushSubscription | null; readonly newSubscription?: PushSubscription | null }

self.addEventListener('install', () => void self.skipWaiting())
self.addEventListener('activate', (e) => e.waitUntil(self.clients.claim()))
self.addEventListener('push', (e) => e.waitUntil(show(e.data?.text())))
self.addEventListener('notificationclick', (e) => {
  e.notification.close()
  e.waitUntil(openNotification(e.notification.data))
})
self.addEventListener('pushsubscriptionchange', (e) => (e as SubscriptionChangeEvent).waitUntil(renewSubscription(e as SubscriptionChangeEvent)))

/** Shows a push message, merged with the notifications of its tag. */
async function show(raw: string | undefined): Promise<void> {
  const next = readPayload(raw, self.location.origin)
  const shown = await self.registration.getNotifications({ tag: next.tag }).catch(() => [])
  const n = group(shown.map((s) => s.data as unknown), next)
  const options: Options = {
    body: n.body, tag: n.tag, lang: n.lang, dir: n.dir, data: n.data,
    silent: n.silent,
    renotify: !n.silent && n.data.kind === 'mention', // other kinds replace the notification without a sound
  }
  await self.registration.showNotification(n.title, options)
  if (n.badge !== undefined) await setBadge(n.badge)
}

/** Sets the number on the app's icon; 0 removes it. */
async function setBadge(n: number): Promise<void> {
  const nav = self.navigator as Badge
  try {
    await (n === 0 ? nav.clearAppBadge?.() : nav.setAppBadge?.(n))
  } catch { /* the app is not installed */ }
}

async function openNotification(data: unknown): Promise<void> {
  const url = sameOrigin(readData(data)?.url ?? '/', self.location.origin)
  const pages = await self.clients.matchAll({ type: 'window', includeUncontrolled: true })
  await goTo(url, pages, (u) => self.clients.openWindow(u))
}

/**
 * Makes a new subscription after the browser has revoked the old one, and tells the
 * server. A guest's token for that is in the cache. Without it, or if the server
 * rejects it, the open pages are asked to tell the server; a page also does so
 * when it is opened.
 */
async function renewSubscription(e: SubscriptionChangeEvent): Promise<void> {
  const old = e.oldSubscription
  const key = old?.options.applicationServerKey
  let next = e.newSubscription ?? await self.registration.pushManager.getSubscription()
  if (!next && key) next = await self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key })
  if (!next || await tellServer(next, old?.endpoint)) return
  for (const page of await self.clients.matchAll({ type: 'window' })) page.postMessage({ type: 'push:changed' })
}

/** Stores a subscription on the server; false if that failed. */
async function tellServer(next: PushSubscription, replaces: string | undefined): Promise<boolean> {
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
