// Against a real server: WEFT_BIN=/path/to/weft npx vitest run sdk/test/live
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { WebSocket } from 'ws'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient, type Client, type Readable, type WebSocketLike } from '../src/index.ts'

const bin = process.env['WEFT_BIN']

describe.skipIf(!bin)('against a real server', { timeout: 60_000 }, () => {
  const data = mkdtempSync(join(tmpdir(), 'weft-sdk-'))
  let port = 0 // the server chooses it when it starts first
  let server: ChildProcess
  const clients: Client[] = []

  async function serve(): Promise<void> {
    server = spawn(bin ?? '', ['--addr', `127.0.0.1:${port}`, '--data', data, '--limits', 'lab'], { stdio: ['ignore', 'pipe', process.env['WEFT_LOG'] ? 'inherit' : 'ignore'] })
    if (!server.stdout) throw new Error('no output')
    const [line] = await once(createInterface(server.stdout), 'line') as [string]
    expect(line).toContain('listening on')
    port = Number(/:(\d+)/.exec(line.replace(/^.*listening on/, ''))?.[1])
    expect(port).toBeGreaterThan(0)
  }

  function client(name: string): Client {
    const c = createClient({ server: `http://127.0.0.1:${port}`, guest: { name }, storage: 'memory' }, {
      open: (url, protocols) => new WebSocket(url, protocols) as unknown as WebSocketLike,
    })
    clients.push(c)
    return c
  }

  beforeAll(async () => {
    await serve()
  })
  afterAll(async () => {
    clients.forEach((c) => c.destroy())
    server.kill('SIGKILL')
    await once(server, 'exit')
  })

  test('two people converge, talk, type, and nothing is lost to kill -9', async () => {
    const ana = client('Ana').room('class/7/notes')
    const ben = client('Ben').room('class/7/notes')
    await Promise.all([ana.synced, ben.synced])
    await until(ana.safety, (s) => s.state === 'saved')

    ana.doc.getText('t').insert(0, 'hello ')
    expect(ana.safety.get().state).toBe('saving')
    await until(ana.safety, (s) => s.state === 'saved')
    await eventually(() => ben.doc.getText('t').toString() === 'hello ')
    ben.doc.getText('t').insert(6, 'world')
    await eventually(() => ana.doc.getText('t').toString() === 'hello world')

    await until(ana.presence.others, (o) => o.length === 1 && o[0]?.name === 'Ben')
    expect(ana.presence.me.get()?.name).toBe('Ana')
    expect(ana.role.get()).toBe('write')
    ana.provider.awareness.setLocalStateField('cursor', { anchor: 1, head: 2 })
    await eventually(() => [...ben.provider.awareness.getStates().values()].some((s) => s['cursor'] && (s['user'] as { name: string }).name === 'Ana'))

    ben.chat.setTyping(true)
    await until(ana.chat.typing, (t) => t.length === 1 && t[0]?.name === 'Ben')
    expect(ben.chat.typing.get()).toEqual([])
    const sent = await ben.chat.send({ text: 'look at this, @Ana', quote: { text: 'hello', at: [1, { deep: true }] } })
    expect(sent).toMatchObject({ seq: 1, state: 'sent', mine: true, quote: { text: 'hello', at: [1, { deep: true }] } })
    await until(ana.chat.messages, (m) => m[0]?.mentionsMe === true && m[0].quote?.text === 'hello')
    await until(ana.chat.typing, (t) => t.length === 0)

    server.kill('SIGKILL')
    await once(server, 'exit')
    ana.doc.getText('t').insert(0, '>> ')
    ben.doc.getText('t').insert(ben.doc.getText('t').length, '!')
    expect(ana.safety.get().state).not.toBe('saved')
    const late = ana.chat.send('from the dark')
    await eventually(() => ana.chat.messages.get().at(-1)?.state === 'queued')
    await until(ana.safety, (s) => s.state === 'memory')
    await serve()
    expect((await late).seq).toBe(2)
    await Promise.all([until(ana.safety, (s) => s.state === 'saved'), until(ben.safety, (s) => s.state === 'saved')])
    await eventually(() => ana.doc.getText('t').toString() === '>> hello world!' && ben.doc.getText('t').toString() === '>> hello world!')
    await until(ben.chat.messages, (m) => m.length === 2 && m[1]?.text === 'from the dark')
    await until(ana.presence.others, (o) => o.length === 1)
    await eventually(() => ben.provider.awareness.getStates().size === 2)

    const cy = client('Cy').room('class/7/notes')
    await cy.synced
    expect(cy.doc.getText('t').toString()).toBe('>> hello world!')
    await until(cy.chat.messages, (m) => m.length === 2)
  })

  test('more than one update may hold is saved: made offline, and at once', async () => {
    const mine = client('Ana')
    const ana = mine.room('large')
    await ana.synced
    await until(ana.safety, (s) => s.state === 'saved')
    mine.disconnect()
    const t = ana.doc.getText('t')
    for (let i = 0; i < 12; i++) t.insert(0, 'x'.repeat(100_000))
    mine.connect()
    await until(ana.safety, (s) => s.state === 'saved' && t.length === 1_200_000)
    t.insert(0, 'y'.repeat(2_000_000))
    t.insert(0, 'z')
    await until(ana.safety, (s) => s.state === 'saved')

    const ben = client('Ben').room('large')
    await ben.synced
    const read = ben.doc.getText('t')
    await eventually(() => read.length === 3_200_001)
    expect(read.toString()).toBe(t.toString())
    ben.doc.getText('t').insert(0, 'still here: ')
    await eventually(() => t.toString().startsWith('still here: z'))
  })

  test('a long history is read in pages, and messages missed while disconnected are read', async () => {
    const ana = client('Ana')
    const room = ana.room('log')
    await room.synced
    await Promise.all(Array.from({ length: 130 }, (_, i) => room.chat.send(`m${i}`)))
    expect(room.chat.messages.get().map((m) => m.seq)).toEqual(Array.from({ length: 130 }, (_, i) => i + 1))
    const ben = client('Ben')
    const log = ben.room('log').chat
    await until(log.messages, (m) => m.length === 50)
    expect(log.hasOlder.get()).toBe(true)
    await log.loadOlder()
    expect(log.messages.get()).toHaveLength(100)
    await log.loadOlder()
    expect(log.messages.get().map((m) => m.seq)).toEqual(Array.from({ length: 130 }, (_, i) => i + 1))
    expect(log.hasOlder.get()).toBe(false)
    ben.disconnect()
    await Promise.all(Array.from({ length: 5 }, (_, i) => room.chat.send(`n${i}`)))
    ben.connect()
    await until(log.messages, (m) => m.length === 135)
  })

  test('a mention reaches the inbox live, and reading clears it', async () => {
    const ana = client('Ana')
    const notes = ana.notifications
    notes.start()
    const room = ana.room('bell')
    await room.synced
    await until(notes.live, Boolean)
    const id = ana.self.get()?.id ?? ''
    room.leave()
    ana.disconnect() // a person who is present is not notified
    const ben = client('Ben').room('bell')
    await ben.synced
    await new Promise((r) => setTimeout(r, 6_000)) // the grace period
    await ben.chat.send(`@${id} where are you?`)
    ana.connect()
    await until(notes.items, (n) => n.length === 1)
    expect(notes.unread.get()).toBe(1)
    await notes.markAllRead()
    await eventually(() => notes.unread.get() === 0 && notes.unseen.get() === 0)
    expect(notes.items.get()[0]?.readAt).toBeTruthy()
  })
})

async function until<T>(r: Readable<T>, ok: (v: T) => boolean, ms = 20_000): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`still ${JSON.stringify(r.get())}`)), ms)
    const end = r.subscribe((v) => {
      if (!ok(v)) return
      clearTimeout(timer)
      queueMicrotask(() => end())
      resolve(v)
    })
  })
}

async function eventually(ok: () => boolean, ms = 20_000): Promise<void> {
  for (const stop = Date.now() + ms; !ok();) {
    if (Date.now() > stop) throw new Error(`not in ${ms} ms: ${ok}`)
    await new Promise((r) => setTimeout(r, 10))
  }
}
