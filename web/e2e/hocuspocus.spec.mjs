import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as hocuspocus4 from '@hocuspocus/provider'
import * as hocuspocus2 from '@hocuspocus/provider-2'
import * as hocuspocus3 from '@hocuspocus/provider-3'
import WebSocket from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { call, guest, secret, startServer, stays, token, until } from './server.mjs'

const versions = { 2.15: hocuspocus2, 3.4: hocuspocus3, 4.8: hocuspocus4 }

// Clients are destroyed before their server stops: provider 2 would try to reconnect for ever.
const closers = new WeakMap()

async function start(t, flags) {
  const mine = []
  closers.set(t, mine)
  t.after(() => { for (const close of mine.reverse()) close() })
  return startServer(t, flags)
}

/** Makes a socket of an unmodified provider. It is destroyed when the test t ends. */
function socket(t, kind, server) {
  const s = new kind.HocuspocusProviderWebsocket({ url: `${server.ws}/hocuspocus`, WebSocketPolyfill: WebSocket, delay: 100, minDelay: 100, maxDelay: 500 })
  s.closes = []
  s.on('close', ({ event }) => s.closes.push(event.code))
  closers.get(t).push(() => s.destroy())
  return s
}

/** Makes an unmodified provider of one document on a socket. */
function open(t, kind, websocketProvider, name, options = {}) {
  const document = new Y.Doc()
  const client = { doc: document, failed: [], scopes: [], stateless: [] }
  client.provider = new kind.HocuspocusProvider({
    websocketProvider, name, document, token: kind === hocuspocus2 ? undefined : null,
    onAuthenticationFailed: ({ reason }) => client.failed.push(reason),
    onAuthenticated: () => client.scopes.push(client.provider.authorizedScope),
    onStateless: ({ payload }) => client.stateless.push(payload),
    ...options,
  })
  client.provider.attach?.()
  client.text = () => document.getText('notes').toString()
  client.write = (text) => document.getText('notes').insert(0, text)
  // Provider 2 counts below zero after it has queued an update while it was disconnected.
  client.saved = () => client.provider.synced && client.provider.unsyncedChanges <= 0
  client.names = () => [...client.provider.awareness.getStates().values()].map((s) => s.user?.name).filter(Boolean).sort()
  closers.get(t).push(() => client.provider.destroy())
  return client
}

const startWithTokens = (t) => start(t, ['--jwt-secret', secret])

for (const [version, kind] of Object.entries(versions)) {
  test(`Hocuspocus provider ${version}: sync, awareness, saved means on disk, and reconnecting after kill -9`, async (t) => {
    const server = await start(t)
    const room = `class/7 ${version}`
    const [ana, ben] = [open(t, kind, socket(t, kind, server), room), open(t, kind, socket(t, kind, server), room)]
    await until('both synced', () => ana.saved() && ben.saved())
    ana.provider.setAwarenessField('user', { name: 'Ana' })
    ben.provider.setAwarenessField('user', { name: 'Ben' })
    ana.write('one ')
    ben.write('two ')
    await until('the same text', () => ana.text() === ben.text() && ana.text().length === 8)
    await until('awareness', () => `${ana.names()}` === 'Ana,Ben' && `${ben.names()}` === 'Ana,Ben')
    for (let i = 0; i < 50; i++) ana.write(`${i} `)
    await until('all saved', () => ana.saved() && ben.saved())

    const saved = ana.text()
    await server.kill()
    ben.write('while it was away ')
    await server.restart()
    const late = open(t, kind, socket(t, kind, server), room)
    await until('a new client synced', () => late.saved())
    assert.ok(late.text().endsWith(saved), 'what was saved is there')
    await until('all back', () => [ana, ben, late].every((c) => c.saved() && c.text() === `while it was away ${saved}`))
    await until('awareness again', () => `${late.names()}` === 'Ana,Ben')
    ben.provider.destroy()
    await until('Ben has left', () => `${ana.names()}` === 'Ana')
  })

  test(`Hocuspocus provider ${version}: a reader reads, and its writes are refused`, async (t) => {
    const server = await startWithTokens(t)
    const writer = open(t, kind, socket(t, kind, server), 'docs/1', { token: token('ana', [['docs/*', 'write']]) })
    await until('the writer synced', () => writer.saved())
    writer.write('to be read')
    writer.doc.getText('notes').delete(0, 6)
    const reader = open(t, kind, socket(t, kind, server), 'docs/1', { token: () => token('ben', [['docs/*', 'read']]) })
    await until('the reader synced', () => reader.saved() && reader.text() === 'read')
    assert.deepEqual([writer.scopes, reader.scopes], [['read-write'], ['readonly']])
    const answers = []
    reader.provider.on('message', ({ event }) => { const b = new Uint8Array(event.data); if (b.at(-2) === 8) answers.push(b.at(-1)) })
    reader.write('not mine ')
    await until('the refusal', () => answers.length > 0)
    assert.deepEqual(answers, [0])
    assert.ok(reader.provider.hasUnsyncedChanges)
    writer.write('still to be ')
    await until('the text at the reader', () => reader.text().replace('not mine ', '') === 'still to be read')
    await until('saved', () => writer.saved())
    assert.equal(writer.text(), 'still to be read')
    const late = open(t, kind, socket(t, kind, server), 'docs/1', { token: token('cara', [['**', 'write']]) })
    await until('a new client synced', () => late.saved())
    assert.equal(late.text(), 'still to be read')
  })

  test(`Hocuspocus provider ${version}: two documents on one socket, and refused ones`, async (t) => {
    const server = await startWithTokens(t)
    const one = socket(t, kind, server)
    const mine = token('ana', [['a', 'write'], ['b', 'write']])
    const [a, b] = [open(t, kind, one, 'a', { token: mine }), open(t, kind, one, 'b', { token: mine })]
    const denied = open(t, kind, one, 'c', { token: mine })
    const wrong = open(t, kind, one, 'd', { token: 'nonsense' })
    await until('both synced', () => a.saved() && b.saved())
    await until('the refusals', () => denied.failed.length === 1 && wrong.failed.length === 1)
    assert.match(denied.failed[0], /may not enter/)
    assert.match(wrong.failed[0], /invalid token/)
    a.write('in a')
    b.write('in b')
    await until('saved', () => a.saved() && b.saved())
    const other = socket(t, kind, server)
    const [a2, b2] = [open(t, kind, other, 'a', { token: mine }), open(t, kind, other, 'b', { token: mine })]
    await until('the texts at the other client', () => a2.text() === 'in a' && b2.text() === 'in b')
    a.provider.destroy()
    b2.write('still ')
    await until('the other document goes on', () => b.text() === 'still in b')
    assert.deepEqual(one.closes, [])
    assert.equal(denied.provider.synced, false)
    if (kind === hocuspocus2) return // provider 2 has detached and does not try again
    const all = token('ben', [['**', 'write']])
    const e = open(t, kind, other, 'e', { token: all })
    e.write('in e')
    await until('the document saved', () => e.saved())
    let refusals = 0
    const retry = open(t, kind, one, 'e', {
      token: () => refusals ? all : 'nonsense',
      onAuthenticationFailed: () => { refusals++; retry.provider.sendToken(); retry.provider.startSync() },
    })
    await until('a second attempt to authenticate', () => retry.saved() && retry.text() === 'in e')
    assert.equal(refusals, 1)
  })
}

test('Hocuspocus and y-websocket clients meet in one room', async (t) => {
  const server = await start(t)
  const doc = new Y.Doc()
  const stock = new WebsocketProvider(`${server.ws}/ws`, 'meet', doc, { WebSocketPolyfill: WebSocket, disableBc: true })
  closers.get(t).push(() => { stock.destroy(); doc.destroy() })
  const clients = Object.values(versions).map((kind) => open(t, kind, socket(t, kind, server), 'meet'))
  await until('all synced', () => stock.synced && clients.every((c) => c.saved()))
  doc.getText('notes').insert(0, 'stock ')
  clients.forEach((c, i) => c.write(`${i} `))
  await until('the same text', () => clients.every((c) => c.text() === doc.getText('notes').toString() && c.text().length === 12))
  stock.awareness.setLocalStateField('user', { name: 'Stock' })
  clients.forEach((c, i) => c.provider.setAwarenessField('user', { name: `H${i}` }))
  await until('everybody', () => clients.every((c) => `${c.names()}` === 'H0,H1,H2,Stock'))
  clients[2].provider.sendStateless('hello')
  await until('the stateless message', () => clients[0].stateless.length + clients[1].stateless.length === 2)
  assert.deepEqual(clients.map((c) => c.stateless), [['hello'], ['hello'], []])
})

test('Hocuspocus providers get chat and presence if they subscribe, and cannot forge events', async (t) => {
  const server = await start(t)
  const clients = Object.values(versions).map((kind) => open(t, kind, socket(t, kind, server), 'talk'))
  await until('all synced', () => clients.every((c) => c.saved()))
  const heard = (c) => c.stateless.map((payload) => JSON.parse(payload))
  for (const c of clients) c.provider.sendStateless('{"weft":"subscribe"}')
  await until('all subscribed', () => clients.every((c) => heard(c).some((m) => m.weft === 'subscribed' && m.room === 'talk')))
  clients[0].provider.sendStateless('{"weft":"event","name":"message","data":{"text":"made up"}}')
  const ana = await guest(server, 'Ana')
  await call(server, ana, 'POST', '/api/rooms/talk/messages', { text: 'hello' })
  const messages = (c) => heard(c).filter((m) => m.weft === 'event' && m.name === 'message').map((m) => `${m.data.user.name}: ${m.data.text}`)
  await until('the message', () => clients.every((c) => messages(c).length > 0))
  for (const c of clients) assert.deepEqual(messages(c), ['Ana: hello'])
})

test('Hocuspocus provider 4.8: two sessions of one document on one socket', async (t) => {
  const server = await start(t)
  const one = socket(t, hocuspocus4, server)
  const [a, b] = [1, 2].map(() => open(t, hocuspocus4, one, 'twice', { sessionAwareness: true }))
  await until('both synced', () => a.saved() && b.saved())
  a.write('from a')
  await until('the text in b', () => b.text() === 'from a')
  b.provider.setAwarenessField('user', { name: 'B' })
  await until('b seen by a', () => `${a.names()}` === 'B')
  b.provider.destroy()
  await until('b gone', () => a.names().length === 0)
  a.write('more ')
  await until('saved', () => a.saved())
})

test('Hocuspocus providers 3.4 and 4.8: asked for a new token before the old one expires, and read-only without one', async (t) => {
  const server = await startWithTokens(t)
  const short = (seconds) => token('ana', [['a', 'write']], seconds)
  await Promise.all([hocuspocus3, hocuspocus4].map(async (kind) => {
    let given = 0
    // The server asks for a new token 30 s before the old one expires: here within 3 s.
    const asked = open(t, kind, socket(t, kind, server), 'a', { token: () => short(given++ === 0 ? 33 : 3600) })
    let next = short(2)
    const late = open(t, kind, socket(t, kind, server), 'a', { token: () => next })
    await until('both synced', () => asked.saved() && late.saved())
    assert.deepEqual(late.scopes, ['read-write'])
    await until('a second token', () => given === 2)
    await until('the read-only scope', () => late.scopes.at(-1) === 'readonly')
    next = short(3600)
    await late.provider.sendToken()
    await until('the scope to write again', () => late.scopes.at(-1) === 'read-write')
    late.write('x')
    await until('saved', () => late.saved() && asked.text().includes('x'))
  }))
})

test('Hocuspocus providers stay connected for 75 s while idle', async (t) => {
  const server = await start(t)
  const sockets = Object.values(versions).map((kind) => socket(t, kind, server))
  const clients = Object.values(versions).map((kind, i) => open(t, kind, sockets[i], 'idle', { awareness: i === 1 ? null : undefined }))
  await until('all synced', () => clients.every((c) => c.saved()))
  await stays('all connections', () => sockets.every((s) => s.closes.length === 0 && s.status === 'connected'), 75)
  assert.deepEqual(sockets.map((s) => [s.closes, s.status]), sockets.map(() => [[], 'connected']))
})
