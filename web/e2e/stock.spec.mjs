import assert from 'node:assert/strict'
import { test } from 'node:test'
import WebSocket from 'ws'
import { WebsocketProvider as Provider4 } from '@y/websocket'
import * as Y14 from '@y/y'
import { WebsocketProvider as Provider3 } from 'y-websocket'
import { WebsocketProvider as Provider1 } from 'y-websocket-1'
import { WebsocketProvider as Provider2 } from 'y-websocket-2'
import { WebsocketProvider as Provider30 } from 'y-websocket-3.0'
import * as Y from 'yjs'
import { join, launch, person, surface, textOf } from './browser.mjs'
import { secret, startServer, stays, token, until } from './server.mjs'

// Versions of the unmodified y-websocket client, each with the Yjs it works with.
const versions = {
  '1.5': [Provider1, Y], 2.1: [Provider2, Y], '3.0': [Provider30, Y], 3.1: [Provider3, Y], '4 rc': [Provider4, Y14],
}

/** Makes a client of one of the versions. It is destroyed when the test t ends. */
function stock(t, version, server, room, options = {}) {
  const [Provider, yjs] = versions[version]
  const doc = new yjs.Doc()
  const provider = new Provider(`${server.ws}/ws`, room, doc, { WebSocketPolyfill: WebSocket, disableBc: true, ...options })
  const client = { doc, provider, closes: 0 }
  client.notes = () => yjs === Y14 ? doc.get('notes') : doc.getText('notes')
  client.text = () => client.notes().toString()
  client.write = (text) => client.notes().insert(0, text)
  provider.on('connection-close', () => { client.closes++ })
  t.after(() => { provider.destroy(); doc.destroy() })
  return client
}

const paragraph = (text) => {
  const p = new Y.XmlElement('paragraph')
  p.insert(0, [new Y.XmlText(text)])
  return p
}

test('y-websocket 2.1 and 3.1 sync with each other, with the page, and after a restart', async (t) => {
  const server = await startServer(t)
  const room = 'class/7 notes'
  const two = stock(t, '2.1', server, room)
  const three = stock(t, '3.1', server, room)
  await until('both synced', () => two.provider.synced && three.provider.synced)

  two.doc.getText('notes').insert(0, 'two')
  three.doc.getText('notes').insert(0, 'three')
  await until('the same text', () => two.text() === three.text() && two.text().length === 8)

  two.provider.awareness.setLocalStateField('user', { name: 'Two' })
  await until('awareness', () => three.provider.awareness.getStates().get(two.doc.clientID)?.user?.name === 'Two')

  const browser = await launch(t)
  const ana = await person(browser, server)
  const page = await join(ana, server, encodeURIComponent(room), 'Ana')
  three.doc.getXmlFragment('default').push([paragraph('from a stock client')])
  await until('the text on the page', async () => (await textOf(page)).includes('from a stock client'))
  await surface(page).click()
  await page.keyboard.press('Control+Home')
  await page.keyboard.type('from the page ')
  await until('the text at the stock client', () => two.doc.getXmlFragment('default').toString().includes('from the page'))
  await until('Ana’s caret at the stock client', () => [...two.provider.awareness.getStates().values()].some((s) => s.user?.name === 'Ana' && s.cursor))

  // What the page calls saved is on disk.
  await page.locator('weft-status[data-state=saved]').waitFor()
  await server.kill()
  await server.restart()
  const late = stock(t, '3.1', server, room)
  await until('a new client synced', () => late.provider.synced)
  assert.equal(late.text(), two.text())
  assert.equal(late.doc.getXmlFragment('default').toString(), two.doc.getXmlFragment('default').toString())
  two.doc.getText('notes').insert(0, 'again ')
  await until('both back', () => three.text().startsWith('again ') && late.text().startsWith('again '))
  assert.deepEqual(ana.faults, [])
})

test('y-websocket 1.5 to 4 rc: sync, awareness, leaving, and reconnecting after kill -9', async (t) => {
  const server = await startServer(t)
  const clients = Object.keys(versions).map((version) => stock(t, version, server, 'all'))
  await until('all synced', () => clients.every((c) => c.provider.synced))
  clients.forEach((c, i) => c.write(`${i} `))
  const same = (length) => clients.every((c) => c.text() === clients[0].text() && c.text().length === length)
  await until('the same text', () => same(10))
  clients.forEach((c, i) => c.provider.awareness.setLocalStateField('user', { name: `n${i}` }))
  const names = (c) => [...c.provider.awareness.getStates().values()].map((s) => s.user?.name).sort().join()
  await until('all states', () => clients.every((c) => names(c) === 'n0,n1,n2,n3,n4'))

  await server.kill()
  clients.forEach((c) => c.write('x'))
  await server.restart()
  await until('all back', () => clients.every((c) => c.provider.synced) && same(15))
  await until('all states again', () => clients.every((c) => names(c) === 'n0,n1,n2,n3,n4'), 30)
  clients[1].provider.disconnect()
  await until('one has left', () => clients.every((c, i) => i === 1 || names(c) === 'n0,n2,n3,n4'))
  clients.forEach((c) => c.provider.disconnect())
  const late = stock(t, '3.1', server, 'all')
  await until('a new client synced', () => late.provider.synced)
  assert.equal(late.text(), clients[0].text())
})

test('y-websocket with tokens: a reader changes nothing, and without a token there is no connection', async (t) => {
  const server = await startServer(t, ['--jwt-secret', secret])
  const as = (user, role) => ({ params: { token: token(user, [['docs/*', role]]) } })
  for (const version of Object.keys(versions)) {
    const room = `docs/${version}`
    const writer = stock(t, version, server, room, as('ana', 'write'))
    await until('the writer synced', () => writer.provider.synced)
    writer.write('to be read')
    const reader = stock(t, version, server, room, as('ben', 'read'))
    await until('the reader synced', () => reader.provider.synced && reader.text() === 'to be read')
    const stranger = stock(t, version, server, room)
    const elsewhere = stock(t, version, server, 'other', as('ana', 'write'))
    reader.write('not mine ')
    reader.provider.awareness.setLocalStateField('user', { name: 'Ben' })
    writer.write('still ')
    await until('the text at the reader', () => reader.text().replace('not mine ', '') === 'still to be read')
    const late = stock(t, version, server, room, as('cara', 'comment'))
    await until('a new client synced', () => late.provider.synced)
    assert.equal(late.text(), 'still to be read')
    assert.equal(writer.text(), 'still to be read')
    assert.equal(writer.provider.awareness.getStates().has(reader.doc.clientID), false)
    assert.deepEqual([stranger.provider.synced, elsewhere.provider.synced], [false, false])
    for (const c of [writer, reader, stranger, elsewhere, late]) c.provider.destroy()
  }
})

test('stock clients stay connected for 90 s while idle', async (t) => {
  const server = await startServer(t)
  const clients = [...Object.keys(versions), '3.1'].map((version, i) => stock(t, version, server, `idle ${i}`))
  clients.at(-1).provider.awareness.setLocalState(null) // sends nothing at all
  await until('all synced', () => clients.every((c) => c.provider.synced))
  await stays('all connections', () => clients.every((c) => c.closes === 0 && c.provider.wsconnected), 90)
  assert.deepEqual(clients.map((c) => [c.closes, c.provider.wsconnected]), clients.map(() => [0, true]))
})
