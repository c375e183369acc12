// What the address says: ?sel= incident, ?lang=, ?tab=, ?dept= department, ?view= room, ?item= what is chosen in it. Language, theme and officer are also kept on this machine.
import { effect } from './lib.js';
import { LANGUAGES, lang } from './i18n.js';
import { cursor, department, item, officer, selected, tab, theme, view } from './state.js';
import { VIEWS } from './rail.js';

const keep = (name, value) => {
  try {
    localStorage.setItem(`brain.${name}`, value);
  } catch { /* private windows may refuse: then it lasts as long as the page */ }
};
const kept = (name) => {
  try {
    return localStorage.getItem(`brain.${name}`);
  } catch {
    return null;
  }
};

function read() {
  const query = new URLSearchParams(location.search);
  selected.value = query.get('sel');
  cursor.value = query.get('sel');
  tab.value = ['open', 'devices', 'ended'].includes(query.get('tab')) ? query.get('tab') : 'open';
  department.value = query.get('dept');
  view.value = VIEWS.includes(query.get('view')) ? query.get('view') : 'map';
  item.value = view.peek() === 'map' ? null : query.get('item');
  return query;
}

/** Take the state from the address and keep both in step. */
export function startUrl() {
  const query = read();
  const wanted = query.get('lang') ?? kept('lang') ?? (navigator.language.startsWith('zh') ? 'zh' : 'en');
  lang.value = LANGUAGES.includes(wanted) ? wanted : 'zh';
  theme.value = (query.get('theme') ?? kept('theme')) === 'night' ? 'night' : 'day';
  officer.value = kept('officer') ?? '';
  window.addEventListener('popstate', read);
  effect(() => {
    const next = new URLSearchParams(location.search);
    const put = (name, value) => (value ? next.set(name, value) : next.delete(name));
    put('sel', selected.value);
    put('tab', tab.value === 'open' ? null : tab.value);
    put('dept', department.value);
    put('view', view.value === 'map' ? null : view.value);
    put('item', item.value);
    put('lang', lang.value);
    const address = `${location.pathname}?${next}`;
    if (address !== location.pathname + location.search) history.replaceState(null, '', address);
  });
  effect(() => {
    keep('lang', lang.value);
    document.documentElement.lang = lang.value === 'zh' ? 'zh-CN' : 'en';
  });
  effect(() => {
    keep('theme', theme.value);
    document.documentElement.dataset.theme = theme.value;
  });
  effect(() => keep('officer', officer.value));
}
