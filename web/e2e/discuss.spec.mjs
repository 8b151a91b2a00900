import assert from 'node:assert/strict'
import { test } from 'node:test'
import { join, launch, person, surface, textOf } from './browser.mjs'
import { startServer, until } from './server.mjs'

/** Selects a text of the page, as a mouse would. */
const select = (page, words) => surface(page).evaluate((root, text) => {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const at = node.data.indexOf(text)
    if (at < 0) continue
    root.focus()
    getSelection().setBaseAndExtent(node, at, node, at + text.length)
    return
  }
  throw new Error(`the page has no "${text}"`)
}, words)

/** Reports whether a text of the page is in view and highlighted. */
const isHighlighted = (page, words) => page.evaluate((text) => {
  const [range] = [...CSS.highlights.get('weft-wash') ?? []]
  if (!range) return false
  const live = new Range()
  live.setStart(range.startContainer, range.startOffset)
  live.setEnd(range.endContainer, range.endOffset)
  const box = live.getBoundingClientRect()
  return live.toString() === text && box.top >= 52 && box.bottom <= innerHeight
}, words)

test('selected text becomes a quote in the chat that leads back to the text', async (t) => {
  const server = await startServer(t)
  const browser = await launch(t)
  const [ana, ben] = [await person(browser, server), await person(browser, server)]
  const a = await join(ana, server, 'bio', 'Ana')
  const b = await join(ben, server, 'bio', 'Ben')
  await surface(a).click()
  await a.keyboard.type('# Membranes\nA cell membrane is not a wall.\nIt is a two-molecule-thick fluid.')
  await until('the text', async () => (await textOf(b)).includes('thick fluid.'))
  const composer = a.locator('textarea[name=message]')
  const quoted = 'two-molecule-thick fluid'

  await t.test('Discuss puts the quote and the caret into the composer', async () => {
    await select(a, quoted)
    await a.getByRole('button', { name: 'Discuss' }).click()
    await a.locator('weft-composer .quote', { hasText: quoted }).waitFor()
    await until('the caret in the composer', () => a.evaluate(() => document.activeElement?.localName === 'weft-chat'))
    assert.equal(await a.getByRole('button', { name: 'Discuss' }).count(), 0)
  })

  await t.test('an unsent message survives a reload', async () => {
    await a.keyboard.type('does it **literally** flow?')
    await a.reload()
    await a.locator('weft-status[data-state=saved]').waitFor()
    await a.locator('weft-composer .quote', { hasText: quoted }).waitFor()
    assert.equal(await composer.inputValue(), 'does it **literally** flow?')
  })

  await t.test('a press on the quote shows the text to others, also after edits above it', async () => {
    await composer.press('Enter')
    assert.equal(await composer.inputValue(), '')
    assert.equal(await a.locator('weft-composer .quote').count(), 0)
    const row = b.locator('[data-message-id]', { hasText: 'flow?' })
    await row.locator('strong', { hasText: 'literally' }).waitFor()
    await surface(a).click()
    await a.keyboard.press('Control+Home')
    await a.keyboard.type(`${'Above it all.\n'.repeat(60)}`)
    await until('the edits', async () => (await textOf(b)).split('Above it all.').length === 61)
    await b.locator('.scroll').evaluate((e) => e.scrollTo(0, 0))
    await row.locator('button.quote[data-quote=live]').click()
    await until('the highlighted text in view', () => isHighlighted(b, quoted))
  })

  await t.test('a quote of text that was edited says so, and still leads to the text', async () => {
    await select(a, 'molecule')
    await a.keyboard.type('lipid')
    const quote = b.locator('[data-message-id] button.quote[data-quote=changed]')
    await quote.getByText('Edited since').waitFor()
    await quote.click()
    await until('the edited text', () => isHighlighted(b, 'two-lipid-thick fluid'))
  })

  await t.test('a quote of text that was deleted says so', async () => {
    await select(a, 'two-lipid-thick fluid')
    await a.keyboard.press('Delete')
    await b.locator('[data-message-id] div.quote[data-quote=gone]').getByText('Removed from the page').waitFor()
  })

  await t.test('quotes can be made by keyboard', async () => {
    await select(a, 'cell membrane')
    await a.keyboard.press('Control+Alt+m')
    await a.locator('weft-composer .quote', { hasText: 'cell membrane' }).waitFor()
    await a.keyboard.type('this one')
    await a.keyboard.press('Enter')
    await b.locator('[data-message-id]', { hasText: 'this one' }).locator('button.quote').waitFor()
  })

  assert.deepEqual(ana.faults, [])
  assert.deepEqual(ben.faults, [])
})
