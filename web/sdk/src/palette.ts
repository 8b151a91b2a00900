import { palette } from './generated/palette.ts'

export { palette }

/** The number of person slots. A slot is a whole number from 0 to slotCount − 1 and has a colour. */
export const slotCount = palette.length

/** Maps any number to a slot: whole numbers wrap around, and what is not finite becomes 0. */
export function toSlot(n: number): number {
  return Number.isFinite(n) ? ((Math.trunc(n) % slotCount) + slotCount) % slotCount : 0
}

/**
 * The colour of a slot and a translucent shade of it, as CSS colours, for editors
 * that take colours from awareness states. Weft's own elements use the class
 * `c{slot}` instead, which follows the theme.
 */
export function colors(slot: number): { readonly color: string; readonly colorLight: string } {
  const color = (palette[toSlot(slot)] ?? palette[0]).light
  return { color, colorLight: `${color}33` }
}

/**
 * The slot that a person gets if it is free: the 32-bit FNV-1a hash of the UTF-8
 * bytes of the person's id, modulo slotCount. Go's presence.PreferredSlot is the
 * same function; presence/testdata/slots.json holds both to it.
 */
export function likelySlot(user: string): number {
  let h = 0x811c9dc5
  for (const b of new TextEncoder().encode(user)) h = Math.imul(h ^ b, 0x01000193)
  return (h >>> 0) % slotCount
}
