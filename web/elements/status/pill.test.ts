import { describe, expect, it } from 'vitest'
import type { Link, Safety } from '@weft/sdk'
import { changesIn, pill } from './pill.ts'

const online: Link = { state: 'online' }
const down = (state: 'reconnecting' | 'offline'): Link => ({ state, since: 0, attempt: 1, nextTryAt: null, reason: 'network' })
const closed = (reason: Extract<Link, { state: 'closed' }>['reason']): Link => ({ state: 'closed', reason })
const kept = (pending: number): Safety => ({ state: 'local', pending, since: 0 })
const saving: Safety = { state: 'saving', pending: 1, since: 1000 }
const text = (link: Link, safety: Safety, now = 0): string => pill(link, safety, now).text

describe('the pill', () => {
  it('says Saved only if the work is stored, or has been saving for less than 600 ms', () => {
    expect(text(online, { state: 'saved', at: 0 })).toBe('Saved')
    expect(text(online, saving, 1599)).toBe('Saved')
    expect(text(online, saving, 1600)).toBe('Saving…')
    expect(text(online, saving, 9000)).toBe('Saving is slow. Your work is on this device')
    for (const safety of [kept(1), saving, { state: 'memory', pending: 1, since: 0 } as const]) {
      expect(pill(online, safety, 60_000).state).not.toBe('saved')
    }
  })

  it('tells when its text will change', () => {
    expect(changesIn(online, saving, 1000)).toBe(600)
    expect(changesIn(online, saving, 1700)).toBe(7300)
    expect(changesIn(online, saving, 9000)).toBeNull()
    expect(changesIn(online, { state: 'saved', at: 0 }, 5)).toBeNull()
  })

  it('counts the changes that are kept on this device', () => {
    expect(text(down('reconnecting'), kept(2))).toBe('Reconnecting…')
    expect(text(down('offline'), { state: 'saved', at: 0 })).toBe('Offline. You can keep writing')
    expect(text(down('offline'), kept(1))).toBe('Offline. 1 change kept on this device')
    expect(text(down('offline'), kept(3))).toBe('Offline. 3 changes kept on this device')
    expect(text(down('offline'), { state: 'memory', pending: 2, since: 0 })).toMatch(/only in this tab/)
  })

  it('says Opening while loading, and a refusal before anything else', () => {
    expect(text(online, { state: 'loading' })).toBe('Opening…')
    const refused = { state: 'refused', error: new Error('full'), rescue: async () => new Blob() } as unknown as Safety
    expect(pill(closed('auth'), refused, 0)).toMatchObject({ tone: 'bad', action: 'rescue' })
  })

  it('says why the space was closed and what to do', () => {
    expect(text(closed('auth'), kept(1))).toBe('Signed out. Sign in to sync')
    expect(text(closed('forbidden'), kept(1))).toBe('You no longer have access. Keep a copy')
    expect(text(closed('deleted'), kept(1))).toBe('This space was deleted. Keep a copy')
    expect(pill(closed('client-too-old'), kept(1), 0).action).toBe('reload')
  })
})
