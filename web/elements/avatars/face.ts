import { html, type TemplateResult } from 'lit'
import { toSlot, type Person } from '@weft/sdk'
import { initials } from '../text/index.ts'

/** Draws a person as a disc with initials. It is hidden from screen readers: the caller says the name. */
export function face(person: Pick<Person, 'name'> & { slot?: number; state?: Person['state'] | 'gone' }): TemplateResult {
  return html`<span class="face c${toSlot(person.slot ?? 0)}" data-state=${person.state ?? 'active'} data-initials=${initials(person.name)} aria-hidden="true"></span>`
}
