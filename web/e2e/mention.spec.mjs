import assert from 'node:assert/strict'
import { test } from 'node:test'
import { join, launch, person } from './browser.mjs'
import { call, guest, startServer, until } from './server.mjs'

test('a mention is shown by the bell of an open tab', async (t) => {
  const server = await startServer(t)
  const browser = await launch(t)
  const ben = await person(browser, server)
  const page = await join(ben, server, 'bio', 'Ben')
  const ana = await guest(server, 'Ana')
  const posted = await call(server, ana, 'POST', '/api/rooms/bio/messages', { text: '@Ben can you take the pump?' })
  assert.equal(posted.status, 201)
  await page.locator('weft-bell [data-unread="1"]').waitFor()
  await page.locator('weft-bell button').first().click()
  const row = page.locator('weft-bell [data-notice]', { hasText: 'Ana mentioned you' })
  await row.waitFor()
  await row.click()
  await page.locator('weft-bell [data-unread="0"]').waitFor()
  assert.deepEqual(ben.faults, [])
})

test('the service worker shows a push message, and a click on it focuses the open tab', async (t) => {
  const server = await startServer(t)
  const browser = await launch(t)
  const ben = await person(browser, server)
  await ben.context.grantPermissions(['notifications'], { origin: server.url })
  const page = await join(ben, server, 'bio', 'Ben')
  await page.evaluate(async () => {
    await navigator.serviceWorker.register('/push-sw.js')
    await navigator.serviceWorker.ready
  })
  const cdp = await ben.context.newCDPSession(page)
  let registration
  cdp.on('ServiceWorker.workerRegistrationUpdated', (e) => { registration = e.registrations.find((r) => !r.isDeleted)?.registrationId ?? registration })
  await cdp.send('ServiceWorker.enable')
  await until('the registration', () => registration)
  const url = `${server.url}/s/bio#m=01`
  const deliver = (data) => cdp.send('ServiceWorker.deliverPushMessage', { origin: server.url, registrationId: registration, data })
  const shown = () => page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready
    return (await registration.getNotifications()).map((n) => ({ title: n.title, body: n.body, tag: n.tag }))
  })
  const payload = JSON.stringify({
    web_push: 8030,
    notification: { title: 'Ana mentioned you', body: 'can you take the pump?', navigate: url, tag: 'room:bio', lang: 'en', dir: 'auto', silent: false, data: { room: 'bio', id: '01', kind: 'mention', at: 1 } },
  })
  // Chromium drops a push message that arrives before the worker runs, so it is delivered again every 5 s.
  const push = (what, data, arrived) => {
    let delivered = 0
    return until(what, async () => {
      if (Date.now() - delivered > 5000) {
        await deliver(data)
        delivered = Date.now()
      }
      return arrived(await shown())
    })
  }
  await push('the notification', payload, (all) => all.some((n) => n.tag === 'room:bio' && `${n.title} ${n.body}`.includes('can you take the pump?')))

  await t.test('a payload that is not JSON still shows a notification', () => push('a second notification', 'not json', (all) => all.length >= 2))

  await t.test('a click focuses the tab and sends it the address', async () => {
    await page.evaluate(() => {
      globalThis.received = []
      navigator.serviceWorker.addEventListener('message', (e) => globalThis.received.push(e.data))
    })
    const [worker] = ben.context.serviceWorkers()
    await worker.evaluate(async () => {
      const [notification] = await self.registration.getNotifications({ tag: 'room:bio' })
      self.dispatchEvent(new NotificationEvent('notificationclick', { notification }))
    })
    const received = await until('the message', () => page.evaluate(() => globalThis.received.find((m) => m.type === 'room:navigate')))
    assert.equal(received.url, url)
    assert.equal(ben.context.pages().length, 1)
  })
})
