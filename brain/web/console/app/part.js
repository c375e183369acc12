// What the parts of the detail share.
import { html } from './lib.js';
import { said, word } from './i18n.js';
import { city } from './state.js';

/** A titled part of the detail. */
export const Section = ({ name, title, aside, children }) => html`<section class=${`part ${name}`} data-testid=${`part-${name}`}>
  <h3>${title}${aside ? html`<small>${aside}</small>` : ''}</h3>${children}</section>`;

/** Name of a department: the city model's, else the page's own. */
export function departmentName(id) {
  const known = city.value.departments?.find((d) => d.id === id);
  return said(known?.name) || word('department', id);
}
