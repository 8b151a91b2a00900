import { describe, expect, test } from 'vitest'
import { goTo, type Page } from '../../sw/click.ts'
import { group, readData, readPayload, roomOf, sameOrigin } from '../../sw/payload.ts'

const origin = 'https://rooms.example.com'

const payload = {
  web_push: 8030, app_badge: 3,
  notification: {
    title: 'Mika mentioned you', body: 'can you take the pump?', navigate: `${origin}/s/bio-201#m=01JD`,
    lang: 'en', dir: 'auto', silent: false, tag: 'room:bio-201', app_badge: '3',
    data: { room: 'bio-201', id: '01JD', kind: 'mention', at: 1795320421000 },
  },
}

const push = (more: object = {}) => readPayload(JSON.stringify({ ...payload, notification: { ...payload.notification, ...more } }), origin)

describe('what a push shows', () => {
  test('the one JSON', () => {
    expect(push()).toMatchObject({
      title: 'Mika mentioned you', tag: 'room:bio-201', badge: 3, silent: false,
      data: { url: `${origin}/s/bio-201#m=01JD`, room: 'bio-201', kind: 'mention', count: 1 },
    })
  })

  test('whatever comes, something is shown', () => {
    for (const raw of [undefined, '', 'null', '[]', '"x"', '{', '{"notification":7}', '{"notification":{"title":{},"data":[]}}']) {
      expect(readPayload(raw, origin), String(raw)).toMatchObject({ title: 'New activity', body: '', data: { url: `${origin}/` } })
    }
  })

  test('only our own addresses', () => {
    for (const url of ['https://evil.example/s/bio-201', 'javascript:alert(1)', '//evil.example', 'https://rooms.example.com.evil', 'data:text/html,x', 'http://[']) {
      expect(sameOrigin(url, origin), url).toBe(`${origin}/`)
    }
    expect(sameOrigin('/s/a', origin)).toBe(`${origin}/s/a`)
  })

  test('one that stands for several', () => {
    const many = push({ data: { ...payload.notification.data, count: 4 } })
    expect(group([], many)).toMatchObject({ title: '4 new in bio-201', body: 'Mika mentioned you: can you take the pump?', data: { count: 4 } })
    expect(group([push().data], many).title).toBe('5 new in bio-201')
    for (const count of [0, -1, 1.5, 'x', null, {}]) {
      expect(group([], push({ data: { ...payload.notification.data, count } })).title, String(count)).toBe('Mika mentioned you')
    }
  })

  test('under one tag they are counted, with the last line of each author', () => {
    let shown = push()
    const next = (title: string, body: string): void => { shown = group([shown.data], push({ title, body })) }
    next('Jonas mentioned you', 'one')
    next('Mika mentioned you', 'two')
    expect(shown).toMatchObject({ title: '3 new in bio-201', body: 'Jonas mentioned you: one\nMika mentioned you: two' })
    next('Amara', '3')
    next('Luis', '4')
    expect(shown.title).toBe('5 new in bio-201')
    expect(shown.body.split('\n')).toHaveLength(3)
    expect(group([null, { other: 1 }], push()).title).toBe('Mika mentioned you')
    expect(readData(structuredClone(shown.data))).toEqual(shown.data)
  })
})

describe('a click', () => {
  const url = `${origin}/s/class/7#m=01JD`

  function page(at: string, told: string[], broken = false): Page {
    return {
      url: at,
      focus: () => broken ? Promise.reject(new Error('gone')) : Promise.resolve(told.push(`focus ${at}`)),
      navigate: (to) => Promise.resolve(told.push(`navigate ${at} → ${to}`)),
      postMessage: (m) => void told.push(`tell ${at}: ${m.type} ${m.url}`),
    }
  }

  async function click(make: (told: string[]) => Page[]): Promise<string[]> {
    const told: string[] = []
    await goTo(url, make(told), (u) => Promise.resolve(told.push(`open ${u}`)))
    return told
  }

  test('goes to the page that has the room, encoded or not', async () => {
    const there = `${origin}/s/class%2F7?x=1#elsewhere`
    expect(await click((t) => [page(`${origin}/`, t), page(there, t)])).toEqual([`tell ${there}: room:navigate ${url}`, `focus ${there}`])
  })

  test('else sends another page of ours', async () => {
    const other = `${origin}/s/bio`
    expect(await click((t) => [page('https://evil.example/s/class/7', t), page(other, t)])).toEqual([`focus ${other}`, `navigate ${other} → ${url}`])
  })

  test('else opens one', async () => {
    expect(await click(() => [])).toEqual([`open ${url}`])
    expect(await click((t) => [page(url, t, true)])).toEqual([`tell ${url}: room:navigate ${url}`, `open ${url}`])
  })

  test('a room is what follows /s/', () => {
    expect(roomOf(`${origin}/s/a%2Fb/c?x#y`)).toBe('a/b/c')
    expect(roomOf(`${origin}/console`)).toBeUndefined()
    expect(roomOf(`${origin}/s/%E0`)).toBeUndefined()
  })
})
