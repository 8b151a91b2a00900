import { svg, html, type TemplateResult } from 'lit'

/** Draws an icon on a grid of 24 by 24 units. Icons are decoration, so screen readers skip them. */
const draw = (paths: TemplateResult): TemplateResult => html`<svg viewBox="0 0 24 24" aria-hidden="true">${paths}</svg>`

export const icons = {
  tick: draw(svg`<path d="m5 12.5 4.5 4.5L19 7.5"/>`),
  bell: draw(svg`<path d="M6 10a6 6 0 0 1 12 0c0 5 2 6 2 7H4c0-1 2-2 2-7Z"/><path d="M10 20a2 2 0 0 0 4 0"/>`),
  send: draw(svg`<path d="M12 19V5M6 11l6-6 6 6"/>`),
  down: draw(svg`<path d="M12 5v14M6 13l6 6 6-6"/>`),
  at: draw(svg`<circle cx="12" cy="12" r="3.6"/><path d="M15.6 12v1.3a2.4 2.4 0 0 0 4.8 0V12a8.400 8.400 0 1 0-3.300 6.700"/>`),
  chat: draw(svg`<path d="M4 5h16v11H9l-5 4Z"/>`),
  page: draw(svg`<path d="M7 4h7l4 4v12H7Z"/><path d="M10 12h5M10 16h5"/>`),
  people: draw(svg`<circle cx="9" cy="9" r="3.200"/><path d="M3 19c.6-3.400 3-5 6-5s5.400 1.600 6 5M16 6.500a3 3 0 0 1 0 5.500M18 14.500c1.700.7 2.700 2.200 3 4.500"/>`),
  link: draw(svg`<path d="M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1"/><path d="M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1"/>`),
  code: draw(svg`<path d="m8 8-4 4 4 4M16 8l4 4-4 4"/>`),
  list: draw(svg`<path d="M9 6h11M9 12h11M9 18h11M4.500 6h.01M4.500 12h.01M4.500 18h.01"/>`),
  quote: draw(svg`<path d="M9 7H5v5h4v5M19 7h-4v5h4v5"/>`),
  alert: draw(svg`<path d="M12 4 2.800 20h18.400L12 4Z"/><path d="M12 10v4.500M12 17.500h.01"/>`),
  cloud: draw(svg`<path d="M7 18a4 4 0 0 1-.6-7.950 6 6 0 0 1 11.500 1.200A3.400 3.400 0 0 1 17.500 18Z"/>`),
  turn: draw(svg`<path d="M20 12a8 8 0 1 1-2.500-5.800M20 4v4.500h-4.500"/>`),
  clock: draw(svg`<circle cx="12" cy="12" r="8"/><path d="M12 7.500V12l3 2"/>`),
  smile: draw(svg`<circle cx="12" cy="12" r="8"/><path d="M8.800 14c1.600 2.300 4.800 2.300 6.400 0M9.300 9.800h.01M14.700 9.800h.01"/>`),
  reply: draw(svg`<path d="M9 7 4.500 11.500 9 16M5 11.500h8.500a6 6 0 0 1 6 6"/>`),
  pen: draw(svg`<path d="m5 19 .8-3.600L15.900 5.300a2 2 0 0 1 2.800 2.800L8.600 18.200 5 19Z"/>`),
  bin: draw(svg`<path d="M5 7h14M10 7V5h4v2M7 7l.8 12h8.400L17 7"/>`),
  back: draw(svg`<path d="M19 12H5M11 6l-6 6 6 6"/>`),
  search: draw(svg`<circle cx="11" cy="11" r="6"/><path d="m19.500 19.500-4.200-4.200"/>`),
  close: draw(svg`<path d="M6 6l12 12M18 6 6 18"/>`),
} as const
