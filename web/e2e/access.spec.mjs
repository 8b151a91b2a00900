// Accessibility, as far as a program can check it: names, contrast, narrow windows, motion.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { join, launch, person, surface } from './browser.mjs'
import { call, guest, startServer } from './server.mjs'

const rolesWithName = new Set(['button', 'link', 'textbox', 'searchbox', 'combobox', 'checkbox', 'tab', 'tablist', 'img', 'dialog', 'log', 'main', 'complementary', 'navigation', 'toolbar', 'listbox', 'option', 'group'])

/** Finds controls and regions without an accessible name, as the browser computes it. */
async function withoutName(page) {
  const cdp = await page.context().newCDPSession(page)
  const { nodes } = await cdp.send('Accessibility.getFullAXTree')
  const bad = nodes.filter((n) => !n.ignored && rolesWithName.has(n.role?.value) && !n.name?.value)
  const found = []
  for (const n of bad) {
    const { node } = await cdp.send('DOM.describeNode', { backendNodeId: n.backendDOMNodeId })
    found.push(`${n.role.value} ${node.localName} ${(node.attributes ?? []).join(' ')}`)
  }
  await cdp.detach()
  return found
}

/** Finds text with too little contrast to its background (WCAG 2.2, 1.4.3). */
const lowContrast = (page) => page.evaluate(() => {
  const pen = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d', { willReadFrequently: true })
  const rgba = (color) => {
    pen.clearRect(0, 0, 1, 1)
    pen.fillStyle = color
    pen.fillRect(0, 0, 1, 1)
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data
    return [r, g, b, a / 255]
  }
  const over = ([r, g, b, a], under) => [r, g, b].map((c, i) => c * a + under[i] * (1 - a)).concat(1)
  const up = (e) => e.assignedSlot ?? e.parentElement ?? (e.getRootNode() instanceof ShadowRoot ? e.getRootNode().host : null)
  const behind = (e) => {
    const layers = []
    for (let at = e; at; at = up(at)) {
      const color = rgba(getComputedStyle(at).backgroundColor)
      if (color[3] > 0) layers.push(color)
      if (color[3] === 1) break
    }
    return layers.reverse().reduce((under, color) => over(color, under), [255, 255, 255, 1])
  }
  const light = (color) => {
    const [r, g, b] = color.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05)
  const found = []
  const check = (e, color, what) => {
    const style = getComputedStyle(e)
    const under = behind(e)
    const size = parseFloat(style.fontSize)
    const least = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5
    const got = ratio(over(rgba(color), under), under)
    if (got < least - 0.05) found.push(`${got.toFixed(2)} ${e.localName}.${e.className} "${what.trim().slice(0, 40)}"`)
  }
  const visit = (root) => {
    for (const e of root.querySelectorAll('*')) {
      if (e.shadowRoot) visit(e.shadowRoot)
      const box = e.getBoundingClientRect()
      if (box.width < 2 || box.height < 2 || !e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || e.matches(':disabled, .gone, .gone *')) continue
      const words = [...e.childNodes].filter((n) => n.nodeType === Node.TEXT_NODE).map((n) => n.data).join('') || e.dataset?.initials || ''
      if (words.trim() !== '') check(e, getComputedStyle(e).color, words)
      if (e.placeholder && !e.value) check(e, getComputedStyle(e, '::placeholder').color, e.placeholder)
    }
  }
  visit(document)
  return found
})

/** How many pixels the page is wider than the window. */
const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)

async function fill(server, page) {
  const [sofia, amara] = [await guest(server, 'Sofia'), await guest(server, 'Amara')]
  const api = (who, method, path, body) => call(server, who, method, `/api/rooms/bio/messages${path}`, body)
  await surface(page).click()
  await page.keyboard.type('# Membranes\nA cell membrane is not a wall.\n[ ] Osmosis worksheet')
  await api(sofia, 'POST', '', { id: 'x1', text: 'Does it *flow*? https://a.example/x `x`' })
  await api(amara, 'POST', '', { id: 'x2', text: '@Mika yes, a-very-long-word-that-does-not-break-by-itself-because-it-has-no-blank-in-it ```go\nx := 1\n``` @Sofia' })
  await api(sofia, 'POST', '', { id: 'x3', text: 'gone' })
  await api(sofia, 'DELETE', '/x3')
  await api(sofia, 'PUT', `/x2/reactions/${encodeURIComponent('👍')}`)
  await api(amara, 'POST', '', { text: 'a reply', thread: 'x1' })
  await page.locator('[data-message-id=x1] .replies').waitFor()
}

test('every control has a name and every text enough contrast, in both themes', async (t) => {
  const server = await startServer(t)
  const browser = await launch(t)
  for (const colorScheme of ['light', 'dark']) {
    const mika = await person(browser, server, { colorScheme, reducedMotion: 'reduce' })
    const page = await join(mika, server, 'bio', 'Mika')
    if (colorScheme === 'light') await fill(server, page)
    const row = (id) => page.locator(`[data-message-id=${id}]`)
    await row('x2').waitFor()
    await t.test(`the checks find a button without a name and text without contrast, ${colorScheme}`, async () => {
      await page.evaluate(() => {
        const trap = Object.assign(document.createElement('button'), { id: 'trap' })
        Object.assign(trap.style, { position: 'fixed', inset: '0 auto auto 0', inlineSize: '90px', blockSize: '20px', background: '#888' })
        const words = Object.assign(document.createElement('span'), { textContent: 'faint', ariaHidden: 'true' })
        words.style.color = '#777'
        trap.append(words)
        document.body.append(trap)
      })
      assert.deepEqual((await withoutName(page)).map((x) => x.split(' ').slice(0, 2).join(' ')), ['button button'])
      assert.match((await lowContrast(page)).join(), /"faint"/)
      await page.evaluate(() => document.querySelector('#trap').remove())
    })
    const looks = {
      'the space': async () => {},
      'a message’s actions': async () => {
        await row('x2').hover()
        await row('x2').locator('[data-act=react]').click()
      },
      'a thread': async () => {
        await page.keyboard.press('Escape')
        await row('x1').locator('.replies').click()
        await page.locator('[data-message-id]', { hasText: 'a reply' }).waitFor()
      },
      'a search': async () => {
        await page.locator('weft-chat [data-act=back]').click()
        await page.getByRole('button', { name: 'Search messages' }).click()
        await page.locator('weft-search input').fill('flow')
        await page.locator('weft-search [data-found]').waitFor()
      },
      people: async () => {
        await page.keyboard.press('Escape')
        await page.getByRole('tab', { name: 'People' }).click()
      },
      notifications: async () => { await page.locator('weft-bell button').first().click() },
    }
    for (const [what, open] of Object.entries(looks)) {
      await t.test(`${what}, ${colorScheme}`, async () => {
        await open()
        assert.deepEqual(await withoutName(page), [])
        assert.deepEqual(await lowContrast(page), [])
        assert.equal(await overflow(page), 0)
      })
    }
    await t.test(`nothing moves with reduced motion, ${colorScheme}`, async () => {
      assert.equal(await page.evaluate(() => document.getAnimations().length), 0)
    })
    assert.deepEqual(mika.faults, [])
  }
})

test('a window 320 pixels wide is enough, and a page from right to left is mirrored', async (t) => {
  const server = await startServer(t)
  const browser = await launch(t)
  const mika = await person(browser, server, { viewport: { width: 1200, height: 800 } })
  await mika.context.addInitScript(() => document.addEventListener('DOMContentLoaded', () => { document.documentElement.dir = 'rtl' }))
  const page = await join(mika, server, 'bio', 'Mika')
  await fill(server, page)

  await t.test('right to left', async () => {
    assert.equal(await overflow(page), 0)
    const [text, panel] = await Promise.all([surface(page).boundingBox(), page.locator('aside').boundingBox()])
    assert.ok(panel.x + panel.width <= text.x, 'the panel is on the left')
    const row = page.locator('[data-message-id=x2]')
    await row.hover()
    const [actions, face] = await Promise.all([row.locator('.actions').boundingBox(), row.locator('.face').first().boundingBox()])
    assert.ok(actions.x + actions.width < face.x, 'the actions of a row are opposite the face')
  })

  await t.test('a narrow phone', async () => {
    const luis = await person(browser, server, { viewport: { width: 320, height: 640 }, hasTouch: true })
    const phone = await join(luis, server, 'bio', 'Luis')
    for (const tab of ['doc', 'chat', 'people']) {
      await phone.locator(`.bottom [data-tab=${tab}]`).tap()
      assert.equal(await overflow(phone), 0, tab)
    }
    await phone.locator('.bottom [data-tab=chat]').tap()
    await phone.locator('[data-message-id=x1]').tap()
    await phone.locator('[data-message-id=x1] [data-act=reply]').tap()
    await phone.locator('[data-message-id]', { hasText: 'a reply' }).waitFor()
    assert.equal(await overflow(phone), 0)
    assert.deepEqual(luis.faults, [])
  })
  assert.deepEqual(mika.faults, [])
})
