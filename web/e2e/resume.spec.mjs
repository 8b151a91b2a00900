import assert from 'node:assert/strict'
import { connect, createServer } from 'node:net'
import { test } from 'node:test'
import { join, launch, person } from './browser.mjs'
import { call, guest, startServer, until } from './server.mjs'

/** A wire to the server that can be cut: the page is reached over it. */
async function wire(t, server) {
  const ends = new Set()
  let whole = true
  const listener = createServer((near) => {
    if (!whole) return near.destroy()
    const far = connect(Number(server.addr.split(':')[1]), '127.0.0.1')
    for (const [a, b] of [[near, far], [far, near]]) {
      ends.add(a)
      a.on('error', () => {}).on('close', () => { ends.delete(a); b.destroy() })
      a.pipe(b)
    }
  })
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const addr = `127.0.0.1:${listener.address().port}`
  const w = {
    addr, url: `http://${addr}`,
    cut() { whole = false; for (const e of ends) e.destroy() },
    mend() { whole = true },
  }
  t.after(() => { w.cut(); listener.close() })
  return w
}

const room = 'class/8'
const path = `/api/rooms/${encodeURIComponent(room)}/messages`

/** What the page shows, and what the server has. */
const shown = (page) => page.evaluate(() => document.querySelector('weft-chat').room.chat.messages.get()
  .map((m) => ({ id: m.id, seq: m.seq, text: m.text, deleted: m.deleted, reactions: m.reactions.map((r) => `${r.emoji} ${r.users.length}`) })))

async function history(server, who, limit) {
  const { body } = await call(server, who, 'GET', `${path}?limit=${limit}`)
  return body.messages.map((m) => ({ id: m.id, seq: m.seq, text: m.text, deleted: m.deleted, reactions: m.reactions.map((r) => `${r.emoji} ${r.users.length}`) }))
}

/** The page shows the end of the history, each message once, in order, as it is now. */
async function same(page, server, who, what) {
  let there, here
  await until(what, async () => {
    [here, there] = [await shown(page), await history(server, who, 200)]
    return here.length > 0 && JSON.stringify(here) === JSON.stringify(there.slice(-here.length))
  }, 90).catch((err) => {
    assert.deepEqual(here, there.slice(-here.length))
    throw err
  })
  assert.equal(new Set(here.map((m) => m.id)).size, here.length)
  return here
}

test('a tab whose network was cut shows what it missed, messages and changes of old ones, once and in order', async (t) => {
  const server = await startServer(t)
  const line = await wire(t, server)
  const browser = await launch(t)
  const ben = await person(browser, line)
  const page = await join(ben, line, encodeURIComponent(room), 'Ben')
  const ana = await guest(server, 'Ana')
  let n = 0
  const post = async () => assert.equal((await call(server, ana, 'POST', path, { id: `m${++n}`, text: `message ${n}` })).status, 201)
  const ok = async (method, rest, body) => assert.ok((await call(server, ana, method, `${path}/${rest}`, body)).status < 300)

  for (let i = 0; i < 30; i++) await post()
  await same(page, server, ana, 'the first messages')

  for (let round = 1; round <= 3; round++) {
    line.cut()
    for (let i = 0; i < 12; i++) await post()
    await ok('PATCH', `m${round}`, { text: `edited in round ${round}` })
    await ok('PATCH', `m${n}`, { text: `edited as soon as posted, in round ${round}` })
    await ok('DELETE', `m${10 + round}`)
    await ok('PUT', `m${20 + round}/reactions/${encodeURIComponent('🎉')}`)
    if (round === 2) {
      await server.kill()
      await server.restart()
      await post()
    }
    // Written without a network: it goes out once.
    await page.locator('weft-chat textarea').fill(`from the dark, round ${round}`)
    await page.keyboard.press('Enter')
    await until('its row', async () => (await shown(page)).some((m) => m.text === `from the dark, round ${round}`), 90)
    line.mend()
    const rows = await same(page, server, ana, `what was missed in round ${round}`)
    await until('the message from the dark', async () => (await history(server, ana, 50)).some((m) => m.text === `from the dark, round ${round}`), 90)
    await same(page, server, ana, 'it in its place')
    assert.equal(rows.find((m) => m.id === `m${round}`)?.text, `edited in round ${round}`)
    assert.equal((await history(server, ana, 200)).filter((m) => m.text === `from the dark, round ${round}`).length, 1)
  }

  await t.test('after a long absence the window begins anew', async () => {
    line.cut()
    const more = []
    for (let i = 0; i < 450; i++) more.push(post())
    await Promise.all(more)
    line.mend()
    const rows = await same(page, server, ana, 'the newest page')
    assert.equal(rows.at(-1).seq, (await history(server, ana, 1))[0].seq)
    assert.ok(rows.length <= 60, `${rows.length} rows are held`)
  })
  assert.deepEqual(ben.faults, [])
})
