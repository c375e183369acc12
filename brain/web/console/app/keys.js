// The keyboard path: every command of the page by one key, never while somebody types.
import { acknowledge, closePanel, move, openPanel, select, switchLanguage, switchTheme } from './act.js';
import { cursor, panel, selected } from './state.js';

/** Key -> what it does and the text that says so (help panel). */
export const KEYS = [
  ['J', 'key.down', () => move(1)],
  ['K', 'key.up', () => move(-1)],
  ['Enter', 'key.open', () => cursor.peek() && select(cursor.peek())],
  ['A', 'key.acknowledge', () => acknowledge()],
  ['L', 'key.language', switchLanguage],
  ['N', 'key.theme', switchTheme],
  ['Q', 'key.quarantine', () => openPanel({ kind: 'quarantine' })],
  ['?', 'key.help', () => openPanel({ kind: 'help' })],
  ['Esc', 'key.close', () => (panel.peek() ? closePanel() : select(null))],
];

const byKey = new Map(KEYS.map(([key, , run]) => [key.toLowerCase(), run]));
byKey.set('escape', byKey.get('esc'));
byKey.set('arrowdown', byKey.get('j'));
byKey.set('arrowup', byKey.get('k'));

/** Listen for the life of the page. */
export function startKeys() {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const target = /** @type {HTMLElement} */ (event.target);
    const key = event.key.toLowerCase();
    if (target.closest('input, textarea, select') && key !== 'escape') return;
    if (key.startsWith('arrow') && !target.closest('.queue')) return; // elsewhere arrows scroll, or move the map
    if (key === 'enter' && target.closest('button, a, summary')) return; // the element's own
    const run = byKey.get(key);
    if (!run) return;
    if (event.repeat && key !== 'j' && key !== 'k' && !key.startsWith('arrow')) return;
    event.preventDefault();
    run();
  });
}
