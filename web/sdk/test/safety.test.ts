import { afterEach, describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import type { Body, SyncKind } from '../src/frame.ts'
import { LinkState } from '../src/link.ts'
import { SafetyState } from '../src/safety.ts'
import { DocSync } from '../src/sync.ts'
import { FakeClock } from './clock.ts'
import { limits } from './fixtures.ts'

const ends: (() => void)[] = []
afterEach(() => ends.splice(0).forEach((end) => end()))

/** A document on a channel, whose server is played by the test. */
function setup(doc = new Y.Doc()) {
  const clock = new FakeClock()
  const link = new LinkState(clock)
  const sync = new DocSync(doc, clock)
  const safety = new SafetyState(sync.state, link.readable, () => Promise.resolve(new Blob()), clock)
  const server = new Y.Doc()
  let sent: { kind: SyncKind; bytes: Uint8Array }[] = []
  let documents = 0
  ends.push(() => { safety.stop(); sync.destroy() })
  const d = {
    clock, link, sync, server, doc, t: doc.getText('t'),
    get safety() { return safety.readable.get() },
    get sent() { return sent.map((s) => s.kind) },
    get documents() { return documents },
    connect(mayWrite = true) {
      sent = []
      documents = 0
      link.connecting()
      link.online()
      sync.joined((b: Body) => {
        if (b.type !== 0) throw new Error('not a document message')
        sent.push(b)
        if (b.kind === 0) return
        documents++
        Y.applyUpdate(server, b.bytes)
      }, mayWrite, limits)
    },
    /** The server's side of the sync exchange. */
    exchange() {
      sync.receive(0, Y.encodeStateVector(server))
      const step1 = sent.find((s) => s.kind === 0)!
      sync.receive(1, Y.encodeStateAsUpdate(server, step1.bytes))
    },
    ack(n = documents) { sync.acked(n) },
    open() { d.connect(); d.exchange(); d.ack() },
    break() { sync.lost(); link.lost('network', 1, null) },
  }
  return d
}

describe('safety', () => {
  test('opening is loading, then saved by the ack of an empty step 2, not before', () => {
    const d = setup()
    expect(d.safety).toEqual({ state: 'loading' })
    d.connect()
    expect(d.sent).toEqual([0])
    expect(d.safety.state).toBe('loading')
    d.exchange()
    expect(d.sent).toEqual([0, 1])
    expect(d.safety.state).toBe('saving')
    d.ack()
    expect(d.safety).toEqual({ state: 'saved', at: d.clock.now() })
  })

  test('saved only when everything sent is acked', () => {
    const d = setup()
    d.open()
    d.t.insert(0, 'a')
    d.clock.pass(1_500)
    d.t.insert(0, 'b')
    expect(d.documents).toBe(3)
    expect(d.safety).toMatchObject({ state: 'saving', pending: 2, since: 1_000_000 })
    d.ack(2)
    expect(d.safety).toMatchObject({ state: 'saving', pending: 1 })
    d.ack(1) // acks never go back
    d.ack(99) // never more than was sent
    expect(d.safety).toMatchObject({ state: 'saving', pending: 1 })
    d.ack(3)
    expect(d.safety.state).toBe('saved')
  })

  test('changes within a second are one burst, which is safe with its last message', () => {
    const d = setup()
    d.open()
    for (const c of 'hello') d.t.insert(d.t.length, c)
    expect(d.documents).toBe(6)
    d.ack(5)
    expect(d.safety).toMatchObject({ state: 'saving', pending: 1 })
    d.ack(6)
    expect(d.safety.state).toBe('saved')
  })

  test('unacked work is in this tab only, until it is acked after another join', () => {
    const d = setup()
    d.open()
    d.t.insert(0, 'unacked ')
    d.break()
    expect(d.safety.state).toBe('saving') // shown after 3 s
    d.clock.pass(3_000)
    expect(d.safety).toMatchObject({ state: 'memory', pending: 1 })
    d.t.insert(0, 'offline ')
    expect(d.safety).toMatchObject({ state: 'memory', pending: 2 })
    d.clock.pass(7_000)
    expect(d.safety.state).toBe('memory')
    d.connect()
    expect(d.safety.state).toBe('saving')
    d.t.insert(0, 'early ') // before the server has asked: step 2 carries it
    expect(d.sent).toEqual([0])
    d.exchange()
    expect(d.sent).toEqual([0, 1])
    expect(d.safety.state).toBe('saving')
    d.ack(1)
    expect(d.safety.state).toBe('saved')
    expect(d.server.getText('t').toString()).toBe('early offline unacked ')
  })

  test('an ack that counts messages of an earlier join is ignored', () => {
    const d = setup()
    d.open()
    for (let i = 0; i < 5; i++) d.t.insert(0, 'x')
    d.break()
    d.connect()
    d.ack(6)
    expect(d.safety.state).not.toBe('saved')
    d.exchange()
    expect(d.safety.state).toBe('saving')
  })

  test('without a connection and without changes it stays saved, with the same time', () => {
    const d = setup()
    d.open()
    const before = d.safety
    d.break()
    d.clock.pass(20_000)
    expect(d.safety).toBe(before)
  })

  test("other people's changes are not mine to save, and not sent back", () => {
    const d = setup()
    d.open()
    d.server.getText('t').insert(0, 'theirs')
    d.sync.receive(2, Y.encodeStateAsUpdate(d.server))
    expect(d.t.toString()).toBe('theirs')
    expect(d.documents).toBe(1)
    expect(d.safety.state).toBe('saved')
  })

  test('the content of a document that was filled before joining is work to save', () => {
    const doc = new Y.Doc()
    doc.getText('t').insert(0, 'before')
    const d = setup(doc)
    d.connect()
    d.exchange()
    expect(d.safety).toMatchObject({ state: 'saving', pending: 1 })
    d.ack()
    expect(d.safety.state).toBe('saved')
  })

  test('a reader is saved without acks; their changes are refused, with a copy to keep', () => {
    const d = setup()
    d.connect(false)
    d.exchange()
    expect(d.safety.state).toBe('saved')
    d.t.insert(0, 'x')
    expect(d.safety).toMatchObject({ state: 'refused', error: { code: 'forbidden' } })
    expect(d.documents).toBe(1)
  })

  test('a change that is too large for an update goes as a step 2, with everything since the last one', () => {
    const d = setup()
    d.open()
    d.t.insert(0, 'small, ')
    d.t.insert(0, 'x'.repeat(limits.update))
    expect(d.sent).toEqual([0, 1, 2, 1])
    expect(d.safety).toMatchObject({ state: 'saving', pending: 1 })
    d.t.insert(0, 'after, ')
    expect(d.sent).toEqual([0, 1, 2, 1, 2])
    expect(d.server.getText('t').toString()).toBe(`after, ${'x'.repeat(limits.update)}small, `)
    d.ack()
    expect(d.safety.state).toBe('saved')
  })

  test('work of more than an update is saved by the step 2 of the next join', () => {
    const d = setup()
    d.open()
    d.break()
    for (let i = 0; i < 12; i++) d.t.insert(0, 'x'.repeat(100_000))
    d.connect()
    d.exchange()
    expect(d.sent).toEqual([0, 1])
    d.ack()
    expect(d.safety.state).toBe('saved')
    expect(d.server.getText('t').length).toBe(1_200_000)
  })

  test('a change that is too large for a step 2 is refused and never sent', () => {
    const d = setup()
    d.open()
    d.t.insert(0, 'x'.repeat(limits.step2))
    expect(d.safety).toMatchObject({ state: 'refused', error: { code: 'too-large' } })
    expect(d.documents).toBe(1)
    d.break()
    d.connect()
    d.exchange()
    expect(d.safety).toMatchObject({ state: 'refused', error: { code: 'too-large' } })
    expect(d.sent).toEqual([0])
  })
})

describe('holding while a composition is open', () => {
  test('changes of others wait until 30 ms after it', () => {
    const d = setup()
    d.open()
    d.server.getText('t').insert(0, 'theirs')
    d.sync.hold(true)
    d.sync.receive(2, Y.encodeStateAsUpdate(d.server))
    d.t.insert(0, 'mine') // own changes are sent
    expect(d.documents).toBe(2)
    d.sync.hold(false)
    d.clock.pass(29)
    expect(d.t.toString()).toBe('mine')
    d.clock.pass(1)
    expect(d.t.toString()).toHaveLength(10)
  })

  test('for at most 10 s after the last event of the composition', () => {
    const d = setup()
    d.open()
    d.server.getText('t').insert(0, 'theirs')
    d.sync.hold(true)
    d.sync.receive(2, Y.encodeStateAsUpdate(d.server))
    d.clock.pass(9_000)
    d.sync.hold(true) // compositionupdate
    d.clock.pass(9_999)
    expect(d.t.toString()).toBe('')
    d.clock.pass(1)
    expect(d.t.toString()).toBe('theirs')
    expect(d.documents).toBe(1)
  })
})
