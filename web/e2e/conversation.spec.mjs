import assert from 'node:assert/strict'
import { test } from 'node:test'
import { join, launch, person } from './browser.mjs'
import { call, guest, startServer, until } from './server.mjs'

const row = (page, words) => page.locator('[data-message-id]', { hasText: words })
const composer = (page) => page.locator('textarea[name=message]')

async function say(page, words) {
  await composer(page).fill(words)
  await composer(page).press('Enter')
  await row(page, words).waitFor()
}

test('messages can be edited, deleted, reacted to and answered', async (t) => {
  const server = await startServer(t)
  const browser = await launch(t)
  const [ana, ben] = [await person(browser, server), await person(browser, server)]
  const a = await join(ana, server, 'bio', 'Ana')
  const b = await join(ben, server, 'bio', 'Ben')
  await say(a, 'Does it flow?')
  await row(b, 'Does it flow?').waitFor()

  await t.test('an arrow up in the empty composer edits the last own message', async () => {
    await composer(a).fill('a draft')
    await composer(a).press('ArrowUp')
    assert.equal(await composer(a).inputValue(), 'a draft', 'not while the composer has text')
    await composer(a).fill('')
    await composer(a).press('ArrowUp')
    await a.getByText('Editing').waitFor()
    assert.equal(await composer(a).inputValue(), 'Does it flow?')
    await composer(a).press('Escape')
    await until('the draft again', async () => await composer(a).inputValue() === '')
    await composer(a).press('ArrowUp')
    await until('the text again', async () => await composer(a).inputValue() === 'Does it flow?')
    await composer(a).fill('Does it *really* flow?')
    await composer(a).press('Enter')
    await row(b, 'Does it really flow?').getByText('Edited').waitFor()
    await row(b, 'really').locator('em').waitFor()
    assert.equal(await b.locator('[data-message-id]').count(), 1)
  })

  await t.test('reactions count people, and can be taken back', async () => {
    await row(b, 'really').hover()
    await row(b, 'really').locator('[data-act=react]').click()
    await row(b, 'really').locator('.picker [data-emoji="🤯"]').click()
    const seen = row(a, 'really').locator('.reaction', { hasText: '🤯 1' })
    await seen.waitFor()
    await seen.click()
    await row(b, 'really').locator('.reaction[aria-pressed=true]', { hasText: '🤯 2' }).click()
    await row(a, 'really').locator('.reaction', { hasText: '🤯 1' }).waitFor()
    await row(b, 'really').hover()
    await row(b, 'really').locator('[data-act=react]').click()
    await row(b, 'really').locator('.picker input').fill('🐟')
    await row(b, 'really').locator('.picker input').press('Enter')
    await row(a, 'really').locator('.reaction', { hasText: '🐟 1' }).waitFor()
  })

  await t.test('a thread takes the place of the log until it is closed', async () => {
    await row(b, 'really').hover()
    await row(b, 'really').locator('[data-act=reply]').click()
    await b.locator('weft-chat .top', { hasText: 'Thread' }).waitFor()
    await say(b, 'Sideways, yes.')
    await row(a, 'really').locator('.replies', { hasText: '1 reply' }).click()
    await row(a, 'Sideways, yes.').waitFor()
    await composer(a).pressSequentially('And')
    await b.locator('weft-chat [data-typing]', { hasText: 'Ana is typing' }).waitFor()
    await say(a, 'And flipping?')
    await row(b, 'And flipping?').waitFor()
    await a.locator('weft-chat [data-act=back]').click()
    await row(a, 'really').locator('.replies', { hasText: '2 replies' }).waitFor()
    assert.equal(await row(a, 'And flipping?').count(), 0, 'replies are not in the log')
    await b.locator('weft-chat [data-act=back]').click()
  })

  await t.test('deleting asks for confirmation, and leaves a note in the message’s place', async () => {
    await say(a, 'Wrong room')
    await row(a, 'Wrong room').hover()
    await row(a, 'Wrong room').locator('[data-act=remove]').click()
    await row(a, 'Wrong room').locator('[data-act=confirm-remove]').click()
    await b.locator('[data-message-id]', { hasText: 'Message removed' }).waitFor()
    assert.equal(await row(b, 'Wrong room').count(), 0)
    assert.equal(await row(b, 'really').locator('[data-act=edit]').count(), 0, 'messages of others cannot be edited')
  })

  await t.test('a message’s actions work by keyboard', async () => {
    await row(a, 'really').focus()
    await a.keyboard.press('Enter')
    await a.keyboard.press('Enter')
    await a.keyboard.press('Enter')
    await row(b, 'really').locator('.reaction', { hasText: '👍 1' }).waitFor()
    assert.equal(await a.evaluate(() => document.querySelector('weft-chat').shadowRoot.activeElement?.dataset.messageId !== undefined), true, 'the focus is on the row again')
    await a.keyboard.press('ArrowDown')
    await a.keyboard.press('Escape')
    assert.equal(await a.evaluate(() => document.querySelector('weft-chat').shadowRoot.activeElement?.localName), 'weft-composer')
  })

  await t.test('the Enter that ends a composition sends nothing', async () => {
    await composer(a).fill('かん')
    await composer(a).evaluate((area) => {
      area.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true, composed: true }))
      area.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', keyCode: 229, bubbles: true, composed: true }))
    })
    assert.equal(await composer(a).inputValue(), 'かん')
  })

  assert.deepEqual(ana.faults, [])
  assert.deepEqual(ben.faults, [])
})

test('the log keeps its scroll position, and counts what is unread', async (t) => {
  const server = await startServer(t)
  const browser = await launch(t)
  const mika = await guest(server, 'Mika')
  const post = async (text) => assert.equal((await call(server, mika, 'POST', '/api/rooms/bio/messages', { text })).status, 201)
  for (let i = 1; i <= 70; i++) await post(`line ${String(i).padStart(3, '0')} of many, long enough to take two rows of the panel it is in`)
  const ben = await person(browser, server)
  const page = await join(ben, server, 'bio', 'Ben')
  const log = page.locator('weft-chat .log')
  await row(page, 'line 070').waitFor()
  const atEnd = () => log.evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight < 2)
  await until('the end of the log', atEnd)

  // Measures in every frame how far a row's text moves from its present position. Elements
  // correct the scroll position in their ResizeObservers, so a ResizeObserver that is
  // made later measures what will be painted.
  const watch = (words, place) => log.evaluate((e, { words, place }) => {
    const row = [...e.querySelectorAll('[data-message-id]')].find((x) => x.innerText.includes(words))
    const top = () => row.querySelector('.text').getBoundingClientRect().top - e.getBoundingClientRect().top
    if (place !== undefined) e.scrollTop = place
    const before = top()
    globalThis.moved = { by: 0, frames: 0 }
    globalThis.probe?.remove()
    const probe = globalThis.probe = document.body.appendChild(document.createElement('i'))
    probe.style.cssText = 'position: fixed; inline-size: 1px; block-size: 1px'
    new ResizeObserver(() => {
      if (!probe.isConnected) return
      globalThis.moved.by = Math.max(globalThis.moved.by, Math.abs(top() - before))
      globalThis.moved.frames++
      requestAnimationFrame(() => { probe.style.inlineSize = probe.style.inlineSize === '1px' ? '2px' : '1px' })
    }).observe(probe)
  }, { words, place })
  const still = async (what) => {
    const { frames } = await page.evaluate(() => globalThis.moved)
    const { by } = await until('two more frames', () => page.evaluate((n) => globalThis.moved.frames >= n && globalThis.moved, frames + 2))
    assert.ok(by <= 1, `${what}: moved by ${by}`)
  }

  await t.test('older messages load above, and the first row in view does not move', async () => {
    await watch('line 021', 40)
    await row(page, 'line 001').waitFor({ state: 'attached' })
    await still('older rows above')
    assert.equal(await row(page, 'line 021').locator('.head').count(), 0, 'the row is now under the header of the row before it')
  })

  await t.test('the first row in view does not move when rows grow, or when the log was hidden', async () => {
    const { id } = (await call(server, mika, 'GET', '/api/rooms/bio/messages?limit=100')).body.messages.find((m) => m.text.startsWith('line 003'))
    await watch('line 021')
    assert.equal((await call(server, mika, 'PATCH', `/api/rooms/bio/messages/${id}`, { text: `line 003${' and on'.repeat(60)}` })).status, 200)
    await row(page, 'line 003').getByText('Edited').waitFor({ state: 'attached' })
    await still('a longer row above')
    const chat = page.locator('weft-chat')
    for (const size of ['19px', '']) {
      await chat.evaluate((e, size) => { e.style.fontSize = size }, size)
      await still(`letters of ${size || 'the usual size'}`)
    }
    await page.evaluate(() => globalThis.probe.remove())
    const place = await log.evaluate((e) => e.scrollTop)
    await page.getByRole('button', { name: 'Search messages' }).click()
    await until('no log', () => log.evaluate((e) => e.clientHeight === 0))
    await page.keyboard.press('Escape')
    await until('the log', () => log.evaluate((e) => e.clientHeight > 0))
    assert.equal(await log.evaluate((e) => e.scrollTop), place)
  })

  await t.test('closing a thread leads back to its message', async () => {
    const inView = () => row(page, 'line 025').evaluate((e) => {
      const [box, view] = [e.getBoundingClientRect(), e.closest('.log').getBoundingClientRect()]
      return box.top >= view.top - 1 && box.bottom <= view.bottom + 1 && e.matches(':focus')
    })
    await row(page, 'line 025').hover()
    await row(page, 'line 025').locator('[data-act=reply]').click()
    await page.locator('weft-chat .top', { hasText: 'Thread' }).waitFor()
    await page.locator('weft-chat [data-act=back]').click()
    await until('the message again', inView)
  })

  await t.test('a render before the scroll event does not undo the scroll; at the end, the log stays at the end', async () => {
    const to = (place) => page.locator('weft-chat').evaluate(async (chat, place) => {
      const log = chat.shadowRoot.querySelector('.log')
      const was = log.scrollTop
      log.scrollTop = place
      chat.requestUpdate()
      await chat.updateComplete
      return { was, is: log.scrollTop }
    }, place)
    const { was } = await to(1e6)
    await until('the end of the log', atEnd)
    for (const size of ['19px', '']) {
      await page.locator('weft-chat').evaluate((e, size) => { e.style.fontSize = size }, size)
      await until('the end of the log', atEnd)
    }
    assert.equal((await to(was)).is, was)
  })

  await t.test('new messages below do not move the view; a button counts them and goes to the first', async () => {
    const place = await log.evaluate((e) => e.scrollTop)
    for (let i = 1; i <= 5; i++) await post(`fresh ${i}`)
    await page.locator('weft-chat [data-new="5"]', { hasText: '5 new, from Mika' }).waitFor()
    assert.equal(await log.evaluate((e) => e.scrollTop), place)
    await page.locator('weft-chat [data-new="5"]').click()
    await until('the first of them in view', () => row(page, 'fresh 1').evaluate((e) => {
      const [box, view] = [e.getBoundingClientRect(), e.closest('.log').getBoundingClientRect()]
      return box.top >= view.top && box.bottom <= view.bottom
    }))
    await until('all of them read', async () => await page.locator('weft-chat [data-new]').count() === 0)
  })

  await t.test('a reader who was away finds the rule above new messages, and the count is gone when they are seen', async () => {
    await until('everything read', async () => (await page.evaluate(async () => {
      const { token } = JSON.parse(localStorage.getItem('weft.guest'))
      return (await fetch('/api/rooms/bio/read', { headers: { authorization: `Bearer ${token}` } })).json()
    })).unread === 0)
    await page.goto(`${server.url}/`)
    for (let i = 1; i <= 3; i++) await post(`while away ${i}`)
    await page.goto(`${server.url}/s/bio`)
    await page.locator('weft-chat .new', { hasText: 'New' }).waitFor()
    const next = await page.locator('weft-chat .new').evaluate((e) => {
      let at = e.nextElementSibling
      while (at && !at.dataset.messageId) at = at.nextElementSibling
      return at?.innerText
    })
    assert.match(next, /while away 1/)
    await until('no count on the tab', async () => await page.locator('.tabs .count').count() === 0)
    assert.equal(await page.locator('weft-chat .new').count(), 1, 'the rule stays until the panel is left')
    const left = await page.evaluate(async () => {
      const { token } = JSON.parse(localStorage.getItem('weft.guest'))
      return (await fetch('/api/rooms/bio/read', { headers: { authorization: `Bearer ${token}` } })).json()
    })
    assert.equal(left.lastSeq, 78)
  })

  await t.test('a screen reader is told no history, and a burst of messages in one or two sentences', async () => {
    await page.evaluate(() => {
      globalThis.heard = []
      const region = document.querySelector('weft-chat').shadowRoot.querySelector('[data-announcer]')
      new MutationObserver(() => { if (region.textContent.trim() !== '') globalThis.heard.push(region.textContent.trim()) }).observe(region, { childList: true, characterData: true, subtree: true })
    })
    const began = Date.now()
    for (let i = 1; i <= 5; i++) await post(`burst ${i}`)
    await row(page, 'burst 5').waitFor()
    const heard = await until('the rest of the burst', async () => {
      const all = await page.evaluate(() => globalThis.heard)
      return all.some((x) => /new messages from Mika/.test(x)) || all.length >= 5 ? all : undefined
    }, 60)
    assert.ok(heard.every((x) => /Mika: burst|new messages? from Mika/.test(x)), heard.join(' | '))
    assert.ok(heard.length <= 2 + (Date.now() - began) / 3000, heard.join(' | '))
  })

  await t.test('a search finds old messages, and a result leads to its message', async () => {
    await page.getByRole('button', { name: 'Search messages' }).click()
    const field = page.locator('weft-search input')
    await field.fill('osmosiss')
    await page.locator('weft-search .none', { hasText: 'Nothing matches ‘osmosiss’' }).waitFor()
    await field.fill('line 003')
    const hit = page.locator('weft-search [data-found]')
    await until('one result', async () => await hit.count() === 1)
    await hit.locator('mark', { hasText: '003' }).waitFor()
    await hit.click()
    await until('the message in view', () => row(page, 'line 003').evaluate((e) => {
      const [box, view] = [e.getBoundingClientRect(), e.closest('.log').getBoundingClientRect()]
      return box.top >= view.top && box.bottom <= view.bottom && e.matches(':focus')
    }).catch(() => false))
    await page.getByRole('button', { name: 'Search messages' }).click()
    await page.keyboard.press('Escape')
    assert.equal(await page.locator('weft-search').count(), 0)
  })

  assert.deepEqual(ben.faults, [])
})
