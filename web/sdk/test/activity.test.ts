import { expect, test } from 'vitest'
import { Activity } from '../src/activity.ts'
import { FakeClock } from './clock.ts'

test('activity is reported every 20 s at most, hiding and showing the tab at once', () => {
  const clock = new FakeClock()
  const told: boolean[] = []
  const activity = new Activity(clock, (on) => told.push(on))
  activity.joined()
  activity.sign()
  expect(told).toEqual([])
  clock.pass(20_000)
  for (let i = 0; i < 19; i++) {
    activity.sign()
    clock.pass(1_000)
  }
  expect(told).toEqual([true])
  activity.turnedAway(true)
  activity.turnedAway(false)
  activity.sign()
  expect(told).toEqual([true, false, true])
  activity.turnedAway(true)
  activity.sign()
  expect(told).toEqual([true, false, true, false, true])
})
