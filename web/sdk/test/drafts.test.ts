import { afterEach, expect, test, vi } from 'vitest'
import { DraftState } from '../src/drafts.ts'

afterEach(() => { vi.unstubAllGlobals() })

function storage(): Map<string, string> {
  const kept = new Map<string, string>()
  vi.stubGlobal('localStorage', {
    getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => kept.set(k, v), removeItem: (k: string) => kept.delete(k),
  })
  return kept
}

test('a draft of each conversation survives a reload until it is empty', () => {
  const kept = storage()
  const open = (thread: string): DraftState => new DraftState('bio', thread, true)
  open('').set({ text: 'half a' })
  open('').set({ quote: { text: 'q' } })
  open('m1').set({ text: 'reply' })
  expect([open('').draft.get(), open('m1').draft.get(), open('m2').draft.get()]).toEqual([{ text: 'half a', quote: { text: 'q' } }, { text: 'reply' }, { text: '' }])
  open('').set({ text: '', quote: undefined })
  open('m1').set({ text: '' })
  expect(kept.size).toBe(0)
})

test('a draft is shown only to its author', () => {
  storage()
  const mine = new DraftState('bio', '', true)
  mine.belongsTo('ana')
  mine.set({ text: 'secret' })
  const [again, other] = [new DraftState('bio', '', true), new DraftState('bio', '', true)]
  again.belongsTo('ana')
  expect(again.draft.get().text).toBe('secret')
  other.belongsTo('ben')
  expect(other.draft.get().text).toBe('')
})

test('drafts work without storage, and with foreign data in it', () => {
  new DraftState('bio', '', true).set({ text: 'no storage here' })
  const kept = storage()
  const memory = new DraftState('bio', '', false)
  memory.set({ text: 'x' })
  expect([memory.draft.get().text, kept.size]).toEqual(['x', 0])
  for (const junk of ['{', '7', '{"text":7,"quote":"x"}']) {
    kept.set('weft.draft:bio', junk)
    expect(new DraftState('bio', '', true).draft.get()).toEqual({ text: '' })
  }
})
