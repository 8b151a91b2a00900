// Takes pictures of the pages, for people to look at: results/*.png. It fails if a
// page does not appear, has an error, or makes a request to another host.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { dirname, join as joinPath } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { join, launch, person, surface } from './browser.mjs'
import { call, guest, startServer } from './server.mjs'

const results = joinPath(dirname(fileURLToPath(import.meta.url)), 'results')

test('pictures of the landing page and a space', async (t) => {
  mkdirSync(results, { recursive: true })
  const server = await startServer(t)
  const browser = await launch(t)
  const looks = [
    { name: 'light', colorScheme: 'light' },
    { name: 'dark', colorScheme: 'dark' },
    { name: 'mobile', colorScheme: 'light', viewport: { width: 390, height: 844 }, hasTouch: true },
  ]
  const writer = await join(await person(browser, server), server, 'bio-201', 'Mika')
  await writer.locator('.heading textarea').click()
  await writer.keyboard.type('Bio 201 · Week 6')
  await surface(writer).click()
  await writer.keyboard.type('# Membranes and transport\nA cell membrane is not a wall. It is a two-molecule-thick fluid that sorts what may pass, and almost everything on this week’s sheet follows from that one idea.\n## Before Thursday\n[ ] Osmosis worksheet, questions 1–8\nExplain the pump without notes\nOne page on facilitated diffusion')
  const reader = await join(await person(browser, server), server, 'bio-201', 'Jonas')
  await reader.getByText('A cell membrane').first().click()
  await reader.keyboard.press('Home')
  await reader.keyboard.press('Shift+End')
  const [sofia, amara] = [await guest(server, 'Sofia'), await guest(server, 'Amara')]
  const messages = '/api/rooms/bio-201/messages'
  const post = async (who, body) => assert.equal((await call(server, who, 'POST', messages, body)).status, 201)
  await writer.getByText('two-molecule-thick fluid').first().evaluate((element) => {
    const text = element.firstChild
    const at = text.data.indexOf('two-molecule')
    element.closest('[contenteditable]').focus()
    getSelection().setBaseAndExtent(text, at, text, at + 'two-molecule-thick fluid'.length)
  })
  await writer.getByRole('button', { name: 'Discuss' }).click()
  await writer.keyboard.type('Does “fluid” mean it *literally* flows?')
  await writer.keyboard.press('Enter')
  await writer.locator('weft-chat button.quote').waitFor()
  await post(amara, { id: 'a1', text: 'Sideways, yes. A lipid swaps places with its neighbour **ten million times** a second.' })
  await post(amara, { id: 'a2', text: 'Flipping to the other layer is the slow one.' })
  await post(sofia, { text: 'How slow?', thread: 'a2' })
  await post(amara, { text: 'Hours.', thread: 'a2' })
  for (const who of [sofia, amara]) assert.equal((await call(server, who, 'PUT', `${messages}/a1/reactions/${encodeURIComponent('❤️')}`)).status, 200)
  await post(sofia, { text: '@Mika can you take the pump? I’ll do facilitated diffusion tonight.' })
  await surface(writer).click()
  await writer.keyboard.press('Control+End')
  for (const { name, ...options } of looks) {
    const visitor = await person(browser, server, options)
    await visitor.page.goto(`${server.url}/`)
    await visitor.page.locator('form').first().waitFor()
    await visitor.page.screenshot({ path: joinPath(results, `landing-${name}.png`) })
    const page = await join(visitor, server, 'bio-201', `Luis ${name}`)
    await page.getByText('A cell membrane is not a wall').first().waitFor()
    await writer.keyboard.type('.')
    await page.locator('.weft-caret', { hasText: 'Mika' }).waitFor()
    await page.locator('.weft-caret', { hasText: 'Jonas' }).waitFor()
    await page.screenshot({ path: joinPath(results, `space-${name}.png`) })
    assert.deepEqual(visitor.faults, [])
  }
})
