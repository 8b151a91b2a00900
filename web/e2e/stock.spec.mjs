import assert from 'node:assert/strict'
import { test } from 'node:test'
import WebSocket from 'ws'
import { WebsocketProvider as Provider3 } from 'y-websocket'
import { WebsocketProvider as Provider2 } from 'y-websocket-2'
import * as Y from 'yjs'
import { join, launch, person, surface, textOf } from './browser.mjs'
import { sleep, startServer, until } from './server.mjs'

/** An unmodified y-websocket client. */
function stock(t, Provider, server, room) {
  const doc = new Y.Doc()
  const provider = new Provider(`${server.ws}/ws`, room, doc, { WebSocketPolyfill: WebSocket, disableBc: true })
  const client = { doc, provider, closes: 0, text: () => doc.getText('notes').toString() }
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
  const two = stock(t, Provider2, server, room)
  const three = stock(t, Provider3, server, room)
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
  await until('it on the page', async () => (await textOf(page)).includes('from a stock client'))
  await surface(page).click()
  await page.keyboard.press('Control+Home')
  await page.keyboard.type('from the page ')
  await until('it at the stock client', () => two.doc.getXmlFragment('default').toString().includes('from the page'))
  await until('her caret at the stock client', () => [...two.provider.awareness.getStates().values()].some((s) => s.user?.name === 'Ana' && s.cursor))

  // Saved, as the page is told, is on disk.
  await page.locator('weft-status[data-state=saved]').waitFor()
  await server.kill()
  await server.restart()
  const late = stock(t, Provider3, server, room)
  await until('a newcomer synced', () => late.provider.synced)
  assert.equal(late.text(), two.text())
  assert.equal(late.doc.getXmlFragment('default').toString(), two.doc.getXmlFragment('default').toString())
  two.doc.getText('notes').insert(0, 'again ')
  await until('both back', () => three.text().startsWith('again ') && late.text().startsWith('again '))
  assert.deepEqual(ana.faults, [])
})

test('stock clients stay connected for 90 s without doing anything', async (t) => {
  const server = await startServer(t)
  const clients = [stock(t, Provider2, server, 'a'), stock(t, Provider3, server, 'b'), stock(t, Provider3, server, 'c')]
  clients[2].provider.awareness.setLocalState(null) // says nothing at all
  await until('all synced', () => clients.every((c) => c.provider.synced))
  await sleep(90_000)
  assert.deepEqual(clients.map((c) => [c.closes, c.provider.wsconnected]), [[0, true], [0, true], [0, true]])
})
