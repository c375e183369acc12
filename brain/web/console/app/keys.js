// The keyboard path: every command of the page by one key, never while somebody types.
import { acknowledge, closePanel, move, openPanel, select, switchLanguage, switchTheme } from './act.js';
import { VIEWS, goTo } from './rail.js';
import { startWhyNot } from './whynot.js';
import { cursor, item, panel, view } from './state.js';

/** One step back: the panel, then what is chosen, then the room. */
function back() {
  if (panel.peek()) closePanel();
  else if (view.peek() === 'map') select(null);
  else if (item.peek()) item.value = null;
  else goTo('map');
}

const ON_MAP = new Set(['j', 'k', 'a', 'enter', 'arrowdown', 'arrowup']); // they mean the queue, which lies below other rooms

/** Key -> what it does and the text that says so (help panel). */
export const KEYS = [
  ['J', 'key.down', () => move(1)],
  ['K', 'key.up', () => move(-1)],
  ['Enter', 'key.open', () => cursor.peek() && select(cursor.peek())],
  ['A', 'key.acknowledge', () => acknowledge()],
  ['L', 'key.language', switchLanguage],
  ['N', 'key.theme', switchTheme],
  ...VIEWS.map((name, i) => [String(i + 1), `view.${name}.title`, () => goTo(name)]),
  ['W', 'map.whynot', () => { goTo('map'); startWhyNot(); }],
  ['?', 'key.help', () => openPanel({ kind: 'help' })],
  ['Esc', 'key.close', back],
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
    if (target.closest('input, textarea, select')) {
      if (key === 'escape') target.blur();
      return;
    }
    if (view.peek() !== 'map' && ON_MAP.has(key)) return;
    if (key.startsWith('arrow') && !target.closest('.queue')) return; // elsewhere arrows scroll, or move the map
    if (key === 'enter' && target.closest('button, a, summary')) return; // the element's own
    const run = byKey.get(key);
    if (!run) return;
    if (event.repeat && key !== 'j' && key !== 'k' && !key.startsWith('arrow')) return;
    event.preventDefault();
    run();
  });
}
