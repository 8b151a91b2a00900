// Crockford's base 32: 10 characters of time, 16 of chance. https://github.com/ulid/spec
const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

export function ulid(now: number): string {
  let time = ''
  for (let i = 0; i < 10; i++) {
    time = digits.charAt(now % 32) + time
    now = Math.floor(now / 32)
  }
  let chance = ''
  for (const b of crypto.getRandomValues(new Uint8Array(16))) chance += digits.charAt(b & 31)
  return time + chance
}
