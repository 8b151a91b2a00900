import assert from 'node:assert/strict'
import { connect, createServer } from 'node:net'
import { test } from 'node:test'
import { join, launch, person } from './browser.mjs'
import { call, guest, startServer, until } from './server.mjs'

/** A TCP proxy before the server that can be cut. */
async function startProxy(t, server) {
  const sockets = new Set()
  let isOpen = true
  const listener = createServer((near) => {
    if (!isOpen) return near.destroy()
    const far = connect(Number(server.addr.split(':')[1]), '127.0.0.1')
    for (const [a, b] of [[near, far], [far, near]]) {
      sockets.add(a)
      a.on('error', () => {}).on('close', () => { sockets.delete(a); b.destroy() })
      a.pipe(b)
    }
  })
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const addr = `127.0.0.1:${listener.address().port}`
  const proxy = {
    addr, url: `http://${addr}`,
    cut() { isOpen = false; for (const s of sockets) s.destroy() },
    restore() { isOpen = true },
  }
  t.after(() => { proxy.cut(); listener.close() })
  return proxy
}

const room = 'class/8'
const path = `/api/rooms/${encodeURIComponent(room)}/messages`

/** The messages that the page holds. */
const shown = (page) => page.evaluate(() => document.querySelector('weft-chat').room.chat.messages.get()
  .map((m) => ({ id: m.id, seq: m.seq, text: m.text, deleted: m.deleted, reactions: m.reactions.map((r) => `${r.emoji} ${r.users.length}`) })))

/** The newest messages of the server. */
async function history(server, who, limit) {
  const { body } = await call(server, who, 'GET', `${path}?limit=${limit}`)
  return body.messages.map((m) => ({ id: m.id, seq: m.seq, text: m.text, deleted: m.deleted, reactions: m.reactions.map((r) => `${r.emoji} ${r.users.length}`) }))
}

/** Waits until the page holds the newest messages of the server, each once, in order, in their current form. */
async function inSync(page, server, who, what) {
  let onServer, onPage
  await until(what, async () => {
    [onPage, onServer] = [await shown(page), await history(server, who, 200)]
    return onPage.length > 0 && JSON.stringify(onPage) === JSON.stringify(onServer.slice(-onPage.length))
  }, 90).catch((err) => {
    assert.deepEqual(onPage, onServer.slice(-onPage.length))
    throw err
  })
  assert.equal(new Set(onPage.map((m) => m.id)).size, onPage.length)
  return onPage
}

test('after a cut of its network a tab shows missed messages and changes of old ones, once and in order', async (t) => {
  const server = await startServer(t)
  const proxy = await startProxy(t, server)
  const browser = await launch(t)
  const ben = await person(browser, proxy)
  const page = await join(ben, proxy, encodeURIComponent(room), 'Ben')
  const ana = await guest(server, 'Ana')
  let n = 0
  const post = async () => assert.equal((await call(server, ana, 'POST', path, { id: `m${++n}`, text: `message ${n}` })).status, 201)
  const change = async (method, rest, body) => assert.ok((await call(server, ana, method, `${path}/${rest}`, body)).status < 300)

  for (let i = 0; i < 30; i++) await post()
  await inSync(page, server, ana, 'the first messages')

  for (let round = 1; round <= 3; round++) {
    proxy.cut()
    for (let i = 0; i < 12; i++) await post()
    await change('PATCH', `m${round}`, { text: `edited in round ${round}` })
    await change('PATCH', `m${n}`, { text: `edited as soon as posted, in round ${round}` })
    await change('DELETE', `m${10 + round}`)
    await change('PUT', `m${20 + round}/reactions/${encodeURIComponent('🎉')}`)
    if (round === 2) {
      await server.kill()
      await server.restart()
      await post()
    }
    // A message that is written without a network is sent once.
    await page.locator('weft-chat textarea').fill(`written offline, round ${round}`)
    await page.keyboard.press('Enter')
    await until('its row', async () => (await shown(page)).some((m) => m.text === `written offline, round ${round}`), 90)
    proxy.restore()
    const rows = await inSync(page, server, ana, `what was missed in round ${round}`)
    await until('the message that was written offline', async () => (await history(server, ana, 50)).some((m) => m.text === `written offline, round ${round}`), 90)
    await inSync(page, server, ana, 'that message in its place')
    assert.equal(rows.find((m) => m.id === `m${round}`)?.text, `edited in round ${round}`)
    assert.equal((await history(server, ana, 200)).filter((m) => m.text === `written offline, round ${round}`).length, 1)
  }

  await t.test('after a long absence the page holds only the newest messages', async () => {
    proxy.cut()
    const more = []
    for (let i = 0; i < 450; i++) more.push(post())
    await Promise.all(more)
    proxy.restore()
    const rows = await inSync(page, server, ana, 'the newest page')
    assert.equal(rows.at(-1).seq, (await history(server, ana, 1))[0].seq)
    assert.ok(rows.length <= 60, `${rows.length} rows are held`)
  })
  assert.deepEqual(ben.faults, [])
})
