import { fields, text } from './events.ts'
import type { Api } from './http.ts'
import { Cell } from './readable.ts'
import { RoomError } from './errors.ts'
import type { Push, PushState } from './types.ts'

const worker = '/push-sw.js'
/** Storage key of the endpoint that was last sent to the server. */
const key = 'weft.push'
/** Where the service worker finds a guest's token, if the browser changes the subscription while no page is open. */
const shelf = { cache: 'weft-push', path: '/weft-push-token' }

/** Web push on this browser. The user is not asked for permission before enable(). */
export class WebPush implements Push {
  readonly state = new Cell<PushState>({ state: 'unknown' }, (on) => {
    if (on && this.state.get().state === 'unknown') void this.refresh()
  })
  readonly #api: Api
  readonly #token: (() => Promise<string>) | undefined
  readonly #end: () => void

  /** `token` returns a guest's token; other tokens are short-lived and never stored. */
  constructor(api: Api, token?: () => Promise<string>) {
    this.#api = api
    this.#token = token
    this.#end = onChanged(() => void this.refresh())
  }

  async refresh(): Promise<PushState> {
    const no = unsupported()
    if (no) return this.#show(no)
    if (Notification.permission === 'denied') return this.#show({ state: 'denied' })
    try {
      const registration = await navigator.serviceWorker.getRegistration(worker)
      const subscription = await registration?.pushManager?.getSubscription()
      if (!subscription || Notification.permission !== 'granted') return this.#show({ state: 'off' })
      if (subscription.endpoint !== remembered()) await this.#post(subscription)
      return this.#show({ state: 'on' })
    } catch (err) {
      return this.#fail(err)
    }
  }

  async enable(): Promise<PushState> {
    const no = unsupported()
    if (no) return this.#show(no)
    this.#show({ state: 'asking' })
    try {
      // First, and without waiting for anything: browsers allow it only during the click.
      const answer = await Notification.requestPermission()
      if (answer === 'denied') return this.#show({ state: 'denied' })
      if (answer !== 'granted') return this.#show({ state: 'off' }) // dismissed without an answer
      const [registration, key] = await Promise.all([register(), this.#key()])
      const subscription = await subscribe(registration, key)
      await this.#post(subscription)
      return this.#show({ state: 'on' })
    } catch (err) {
      return this.#fail(err)
    }
  }

  async disable(): Promise<PushState> {
    if (unsupported()) return this.refresh()
    try {
      const registration = await navigator.serviceWorker.getRegistration(worker)
      const subscription = await registration?.pushManager?.getSubscription()
      if (subscription) {
        const { endpoint } = subscription
        await subscription.unsubscribe() // first: from now on no push can be shown
        remember(undefined)
        await this.#api.delete('/api/push/subscriptions', { endpoint })
      }
      return this.#show({ state: 'off' })
    } catch (err) {
      return this.#fail(err)
    }
  }

  async test(): Promise<void> {
    await this.#api.post('/api/push/test')
  }

  destroy(): void { this.#end() }

  /** Sends a subscription to the server, with the endpoint that it replaces. */
  async #post(subscription: PushSubscription): Promise<void> {
    const old = remembered()
    await this.#api.post('/api/push/subscriptions', { ...subscription.toJSON(), ...(old === undefined ? {} : { replaces: old }) })
    remember(subscription.endpoint)
    if (!this.#token || typeof caches === 'undefined') return
    try {
      await (await caches.open(shelf.cache)).put(shelf.path, new Response(await this.#token()))
    } catch { /* then the next page repairs a changed subscription */ }
  }

  async #key(): Promise<string> {
    const key = text(fields(await this.#api.get('/api/push/key'))['key'])
    if (key === '') throw new RoomError('server', 'the server has no push key')
    return key
  }

  #show(state: PushState): PushState {
    this.state.set(state)
    return state
  }

  #fail(err: unknown): PushState {
    const error = err instanceof RoomError ? err : new RoomError('server', err instanceof Error ? err.message : 'push could not be turned on', { cause: err })
    return this.#show({ state: 'error', error })
  }
}

function remembered(): string | undefined {
  try {
    return localStorage.getItem(key) ?? undefined
  } catch {
    return undefined
  }
}

function remember(endpoint: string | undefined): void {
  try {
    if (endpoint === undefined) localStorage.removeItem(key)
    else localStorage.setItem(key, endpoint)
  } catch { /* the server is told again, which is harmless */ }
}

/** The service worker reports that the browser has changed the subscription. */
function onChanged(run: () => void): () => void {
  const container = typeof navigator === 'undefined' ? undefined : navigator.serviceWorker
  if (!container) return () => {}
  const heard = (e: MessageEvent): void => { if (fields(e.data)['type'] === 'push:changed') run() }
  container.addEventListener('message', heard)
  return () => container.removeEventListener('message', heard)
}

function unsupported(): PushState | undefined {
  if (typeof window === 'undefined' || typeof navigator === 'undefined') return { state: 'unsupported', why: 'no-worker' }
  if (!window.isSecureContext) return { state: 'unsupported', why: 'insecure' }
  if (framed()) return { state: 'unsupported', why: 'in-iframe' }
  if (!('PushManager' in window) || !('Notification' in window)) {
    return iOS() ? { state: 'needs-install', platform: 'ios' } : { state: 'unsupported', why: 'no-push' }
  }
  if (!('serviceWorker' in navigator)) return { state: 'unsupported', why: 'no-worker' }
  return undefined
}

/** True inside a page of another origin, where permission cannot be requested. */
function framed(): boolean {
  try {
    return window.top !== null && window.top.location.origin !== window.location.origin
  } catch {
    return true // access to the other origin is denied
  }
}

/** An iPad calls itself a Mac, but no Mac has a touch screen. */
function iOS(): boolean {
  return /iPhone|iPad|iPod/.test(navigator.userAgent) || (navigator.userAgent.includes('Macintosh') && navigator.maxTouchPoints > 1)
}

async function register(): Promise<ServiceWorkerRegistration> {
  await navigator.serviceWorker.register(worker, { scope: '/' })
  return navigator.serviceWorker.ready
}

async function subscribe(registration: ServiceWorkerRegistration, key: string): Promise<PushSubscription> {
  const applicationServerKey = fromBase64url(key)
  const held = await registration.pushManager.getSubscription()
  if (held) {
    const old = held.options.applicationServerKey
    if (old && equal(new Uint8Array(old), applicationServerKey)) return held
    await held.unsubscribe() // it was made for the key of another server
  }
  return registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey })
}

export function fromBase64url(s: string): Uint8Array<ArrayBuffer> {
  const raw = atob(s.replace(/-/g, '+').replace(/_/g, '/'))
  return Uint8Array.from(raw, (c) => c.charCodeAt(0))
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((v, i) => v === b[i])
}
