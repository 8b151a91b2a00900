import { html, type TemplateResult } from 'lit'
import { toSlot, type Person } from '@weft/sdk'
import { initials } from '../text/index.ts'

/** A person, drawn small. The name is said by whoever places the face. */
export function face(person: Pick<Person, 'name'> & { slot?: number; state?: Person['state'] | 'gone' }): TemplateResult {
  return html`<span class="face c${toSlot(person.slot ?? 0)}" data-state=${person.state ?? 'active'} data-initials=${initials(person.name)} aria-hidden="true"></span>`
}
