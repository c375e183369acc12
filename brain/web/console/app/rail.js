// The rail at the left: the rooms of the console. The map is always there; the others lie above it.
import { batch, html, watched } from './lib.js';
import { t } from './i18n.js';
import { item, panel, view } from './state.js';
import { Icon } from './shapes.js';

/** Rooms in the order of their keys 1, 2, 3 ... */
export const VIEWS = ['map', 'access', 'quarantine', 'catalogue', 'backtest'];

/** Go to a room, and to one thing in it. @param {string} name @param {string | null} [chosen] */
export function goTo(name, chosen = null) {
  batch(() => { // a room must not see what was chosen in the last one
    panel.value = null;
    item.value = chosen;
    view.value = name;
  });
}

export const Rail = watched(() => html`<nav class="rail" data-testid="rail" aria-label=${t('view.rail')}>
  ${VIEWS.map((name, i) => html`<button key=${name} data-testid=${`view-${name}`} aria-current=${view.value === name ? 'page' : null}
    title=${`${t(`view.${name}.title`)} (${i + 1})`} onClick=${() => goTo(name)}>
    <${Icon} name=${name} /><span>${t(`view.${name}`)}</span></button>`)}</nav>`);
