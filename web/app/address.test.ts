import { describe, expect, it } from 'vitest'
import { pathOf, titleFromRoom, randomCode, roomFor, roomFromPaste, roomOf } from './address.ts'

describe('addresses', () => {
  it('are made from the name of a space, or at random without one', () => {
    expect(roomFor('Bio 201, week 6')).toBe('bio-201-week-6')
    expect(roomFor('Übung für Zoë')).toBe('ubung-fur-zoe')
    expect(roomFor('  ')).toMatch(/^[a-z]{3}-[a-z]{4}-[a-z]{3}$/)
    expect(randomCode(() => 0)).toBe('aaa-aaaa-aaa')
  })
  it('are found in pasted links and codes, of this origin only', () => {
    const origin = 'http://localhost:8080'
    expect(roomFromPaste(' http://localhost:8080/s/bio-201#m=1 ', origin)).toBe('bio-201')
    expect(roomFromPaste('kfa-wemu-xra', origin)).toBe('kfa-wemu-xra')
    expect(roomFromPaste('/s/a%2Fb', origin)).toBe('a/b')
    expect(roomFromPaste('https://evil.example/s/x', origin)).toBeNull()
    expect(roomFromPaste('javascript:alert(1)', origin)).toBeNull()
  })
  it('are read back from the path that is made of them', () => {
    expect(roomOf(pathOf('a/b c'))).toBe('a/b c')
    expect(roomOf('/')).toBeNull()
    expect([titleFromRoom('bio-201'), titleFromRoom('kfa-wemu-xra')]).toEqual(['Bio 201', 'Untitled'])
  })
})
