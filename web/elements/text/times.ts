import { clockTime, date, lowerCase, weekday } from './format.ts'
import { times } from './en.ts'

/** The name of a day in the reader's time zone: "Today", "Yesterday", a weekday within the last week, else the date. */
export function dayName(day: Date, now: Date): string {
  const days = Math.round((midnight(now) - midnight(day)) / 86_400_000)
  if (days === 0) return times.today
  if (days === 1) return times.yesterday
  return days > 1 && days < 7 ? weekday(day) : date(day, now)
}

/** How long ago a moment was: "just now", "5 min ago", the clock time if it was today, else the day. */
export function ago(then: Date, now: Date): string {
  const minutes = Math.floor((now.getTime() - then.getTime()) / 60_000)
  if (minutes < 1) return times.justNow
  if (minutes < 60) return times.minutesAgo(minutes)
  return sameDay(then, now) ? clockTime(then) : lowerCase(dayName(then, now))
}

export const sameDay = (a: Date, b: Date): boolean => midnight(a) === midnight(b)

const midnight = (d: Date): number => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime()
