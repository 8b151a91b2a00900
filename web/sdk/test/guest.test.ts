import { afterEach, beforeEach, expect, test } from 'vitest'
import { Credentials } from '../src/auth.ts'
import { Guest } from '../src/guest.ts'
import { Api } from '../src/http.ts'
import { FakeClock } from './clock.ts'

const kept = new Map<string, string>()

beforeEach(() => {
  kept.clear()
  Object.assign(globalThis, { localStorage: {
    getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => void kept.set(k, v), removeItem: (k: string) => void kept.delete(k),
  } })
})
afterEach(() => { delete (globalThis as { localStorage?: unknown }).localStorage })

function server() {
  const asked: { url: string; body: string; auth: string | null }[] = []
  let n = 0
  const fetcher = ((url: string, init: RequestInit = {}) => {
    const auth = new Headers(init.headers).get('Authorization')
    asked.push({ url, body: String(init.body ?? ''), auth })
    if (url.endsWith('/api/guests')) {
      n++
      return Promise.resolve(Response.json({ user: { id: `guest-${n}`, name: 'Ana' }, token: `t${n}` }, { status: 201 }))
    }
    return Promise.resolve(auth === 'Bearer t1' ? Response.json({ title: 'The token has expired', status: 401 }, { status: 401 }) : Response.json({ ok: auth }))
  }) as typeof fetch
  return { asked, fetcher }
}

test('a guest is made once, and is the same person in the next tab', async () => {
  const { asked, fetcher } = server()
  const one = new Guest('http://x', 'Ana', true, fetcher)
  expect(await Promise.all([one.token('connect'), one.token('connect')])).toEqual(['t1', 't1'])
  const two = new Guest('http://x', undefined, true, fetcher)
  expect(two.self.get()).toEqual({ id: 'guest-1', name: 'Ana', guest: true })
  expect(await two.token('connect')).toBe('t1')
  expect(asked).toEqual([{ url: 'http://x/api/guests', body: '{"name":"Ana"}', auth: null }])
  expect(await new Guest('http://elsewhere', undefined, true, fetcher).token('connect')).toBe('t2')
})

test('without storage it lasts as long as the tab', async () => {
  const { fetcher } = server()
  localStorage.setItem = () => { throw new Error('private') }
  const guest = new Guest('http://x', 'Ana', true, fetcher)
  expect(await guest.token('connect')).toBe('t1')
  expect(await guest.token('connect')).toBe('t1')
})

test('after a 401 one new token is tried; a URL never has a token', async () => {
  const { asked, fetcher } = server()
  const guest = new Guest('http://x', 'Ana', true, fetcher)
  const credentials = new Credentials(({ reason }) => guest.token(reason), new FakeClock())
  const api = new Api('http://x', credentials, fetcher)
  expect(await api.get('/api/notifications')).toEqual({ ok: 'Bearer t2' })
  expect(asked.map((a) => a.auth)).toEqual([null, 'Bearer t1', null, 'Bearer t2'])
  expect(asked.some((a) => /t1|t2/.test(a.url))).toBe(false)
})

test('a token is renewed at 80 % of its lifetime, and again if that fails', async () => {
  const clock = new FakeClock()
  const reasons: string[] = []
  let fail = false
  const credentials = new Credentials(({ reason }) => {
    reasons.push(reason)
    if (fail) throw new Error('no')
    return { token: `t${reasons.length}`, expiresAt: clock.now() + 100_000 }
  }, clock)
  const renewed: string[] = []
  credentials.onRenewed = (t) => renewed.push(t)
  await credentials.token('connect')
  clock.pass(79_999)
  expect(reasons).toEqual(['connect'])
  clock.pass(1)
  await new Promise((r) => setTimeout(r))
  expect(renewed).toEqual(['t2'])
  fail = true
  clock.pass(80_000)
  await new Promise((r) => setTimeout(r))
  fail = false
  clock.pass(16_000)
  await new Promise((r) => setTimeout(r))
  expect(reasons).toEqual(['connect', 'refresh', 'refresh', 'refresh'])
  expect(renewed).toEqual(['t2', 't4'])
})
