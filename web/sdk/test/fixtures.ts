import { readFileSync } from 'node:fs'
import { readLimits } from '../src/events.ts'

/** An event as Go writes it; server/event/eventtest has the samples. */
export interface EventFixture {
  readonly from: 'server' | 'client'
  readonly name: string
  /** The object. */
  readonly json: { readonly [key: string]: unknown }
  /** [name, object], in hex. */
  readonly msgpack: string
}

/** One or more samples of every event, in both wire forms. */
export const eventFixtures = JSON.parse(
  readFileSync(new URL('../../../server/event/testdata/events.json', import.meta.url), 'utf8')) as readonly EventFixture[]

/** The limits of a server with default settings. */
export const limits = readLimits(eventFixtures.find((f) => f.name === 'welcome')?.json['limits'])!
