import { describe, expect, it } from 'vitest'
import { pathOf, pretty, randomCode, roomFor, roomFromPaste, roomOf } from './address.ts'

describe('addresses', () => {
  it('make a name readable, and a code of nothing', () => {
    expect(roomFor('Bio 201, week 6')).toBe('bio-201-week-6')
    expect(roomFor('Übung für Zoë')).toBe('ubung-fur-zoe')
    expect(roomFor('  ')).toMatch(/^[a-z]{3}-[a-z]{4}-[a-z]{3}$/)
    expect(randomCode(() => 0)).toBe('aaa-aaaa-aaa')
  })
  it('are found in what people paste, of this origin only', () => {
    const origin = 'http://localhost:8080'
    expect(roomFromPaste(' http://localhost:8080/s/bio-201#m=1 ', origin)).toBe('bio-201')
    expect(roomFromPaste('kfa-wemu-xra', origin)).toBe('kfa-wemu-xra')
    expect(roomFromPaste('/s/a%2Fb', origin)).toBe('a/b')
    expect(roomFromPaste('https://evil.example/s/x', origin)).toBeNull()
    expect(roomFromPaste('javascript:alert(1)', origin)).toBeNull()
  })
  it('go to a path and back', () => {
    expect(roomOf(pathOf('a/b c'))).toBe('a/b c')
    expect(roomOf('/')).toBeNull()
    expect([pretty('bio-201'), pretty('kfa-wemu-xra')]).toEqual(['Bio 201', 'Untitled'])
  })
})
