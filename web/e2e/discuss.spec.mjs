import assert from 'node:assert/strict'
import { test } from 'node:test'
import { join, launch, person, surface, textOf } from './browser.mjs'
import { startServer, until } from './server.mjs'

/** Selects words of the page as a mouse would, by their place. */
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

/** True if words of the page are in view and washed. */
const washed = (page, words) => page.evaluate((text) => {
  const [range] = [...CSS.highlights.get('weft-wash') ?? []]
  if (!range) return false
  const live = new Range()
  live.setStart(range.startContainer, range.startOffset)
  live.setEnd(range.endContainer, range.endOffset)
  const box = live.getBoundingClientRect()
  return live.toString() === text && box.top >= 52 && box.bottom <= innerHeight
}, words)

test('selected text becomes a quote in the chat that finds its way back', async (t) => {
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

  await t.test('Discuss puts it into the composer, where the caret goes', async () => {
    await select(a, quoted)
    await a.getByRole('button', { name: 'Discuss' }).click()
    await a.locator('weft-composer .quote', { hasText: quoted }).waitFor()
    await until('the caret in the composer', () => a.evaluate(() => document.activeElement?.localName === 'weft-chat'))
    assert.equal(await a.getByRole('button', { name: 'Discuss' }).count(), 0)
  })

  await t.test('what is begun survives a reload', async () => {
    await a.keyboard.type('does it **literally** flow?')
    await a.reload()
    await a.locator('weft-status[data-state=saved]').waitFor()
    await a.locator('weft-composer .quote', { hasText: quoted }).waitFor()
    assert.equal(await composer.inputValue(), 'does it **literally** flow?')
  })

  await t.test('sent, it is a button at the other’s that goes to the line, also after edits above', async () => {
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
    await until('the line in view, washed', () => washed(b, quoted))
  })

  await t.test('an edit within it is said, and it still leads there', async () => {
    await select(a, 'molecule')
    await a.keyboard.type('lipid')
    const quote = b.locator('[data-message-id] button.quote[data-quote=changed]')
    await quote.getByText('Edited since').waitFor()
    await quote.click()
    await until('the edited line', () => washed(b, 'two-lipid-thick fluid'))
  })

  await t.test('and when it is gone, that too', async () => {
    await select(a, 'two-lipid-thick fluid')
    await a.keyboard.press('Delete')
    await b.locator('[data-message-id] div.quote[data-quote=gone]').getByText('Removed from the page').waitFor()
  })

  await t.test('by keyboard alone', async () => {
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
