import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { colors, likelySlot, palette, slotCount, toSlot } from '../src/palette.ts'

// Shared with Go's presence.PreferredSlot, so that both give a person the same colour.
const cases = JSON.parse(readFileSync(new URL('../../../presence/testdata/slots.json', import.meta.url), 'utf8')) as { id: string; slot: number }[]

describe('the slot that a person gets if it is free', () => {
  test('the fixture has cases', () => { expect(cases.length).toBeGreaterThan(0) })
  test.each(cases)('of the id "$id" is $slot', ({ id, slot }) => { expect(likelySlot(id)).toBe(slot) })
})

test('every number is mapped to a slot', () => {
  expect([0, 11, 12, 25, -1, 3.9, Number.NaN, Number.POSITIVE_INFINITY].map(toSlot)).toEqual([0, 11, 0, 1, 11, 3, 0, 0])
})

test('a slot has the light colour of the palette, and a translucent shade of it', () => {
  for (let slot = 0; slot < slotCount; slot++) {
    expect(colors(slot)).toEqual({ color: palette[slot]?.light, colorLight: `${palette[slot]?.light}33` })
  }
})
