// Small panels over the map: a stored message, the ledger by sensor type, why not, help, who sits at this desk.
import { Component, effect, html, signal, watched } from './lib.js';
import { moment, number, said, t } from './i18n.js';
import { get } from './api.js';
import { closePanel } from './act.js';
import { KEYS } from './keys.js';
import { officer, panel } from './state.js';
import { sensorTypeName } from './facts.js';
import { Icon } from './shapes.js';
import { WhyNot } from './whynot.js';

/** What the open panel has loaded: {of: panel, data, error}. */
const content = signal({});

async function load(of, read) {
  try {
    const data = await read();
    if (panel.peek() === of) content.value = { of, data };
  } catch (error) {
    if (panel.peek() === of) content.value = { of, error };
  }
}

const LOADERS = {
  raw: (of) => get(of.path.replace('/api/v1', '')),
  ledger: () => get('/statistics/ingest'),
};

effect(() => {
  const of = panel.value;
  if (of && LOADERS[of.kind]) load(of, () => LOADERS[of.kind](of));
});

const Loaded = watched(({ children }) => {
  const { of, data, error } = content.value;
  if (of !== panel.value || (!data && !error)) return html`<p class="none">${t('loading')}</p>`;
  if (error) return html`<p class="error" data-testid="panel-error">${error.status === 0 ? t('error.offline') : said(error.text)}</p>`;
  return children(data);
});

const Raw = watched(() => {
  const { path, witness } = panel.value;
  return html`<p class="lead"><b>${sensorTypeName(witness.sensor_type)}</b> <code>${witness.device}</code> ${moment(witness.at)}
      <a href=${path} target="_blank" rel="noopener"><${Icon} name="link" />${t('raw.api')}</a></p>
    <${Loaded}>${(data) => (data.items.length
      ? html`<pre data-testid="raw-json">${JSON.stringify(data.items.length === 1 ? data.items[0] : data.items, null, 2)}</pre>`
      : html`<p class="none" data-testid="raw-none">${t('raw.none')}</p>`)}</${Loaded}>`;
});

const FOUR = ['received', 'stored', 'duplicate', 'quarantined'];

const four = (tag, counts) => FOUR.map((name) => html`<${tag} class="right" key=${name}>${counts(name)}</${tag}>`);

const byType = ({ sensor_types: types }) => Object.entries(types).sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, counts]) => html`<tr key=${id}>
  <td>${sensorTypeName(id)} <code>${id}</code></td>${four('td', (name) => number(counts[name]))}</tr>`);

const Ledger = watched(() => html`<p class="lead">${t('ledger.lead')}</p><${Loaded}>${(data) => html`
  <table class="list figures" data-testid="ledger-list">
    <thead><tr><th>${t('ledger.sensor_type')}</th>${four('th', (name) => t(`ledger.${name}`))}</tr></thead>
    <tbody>${byType(data)}</tbody>
    <tfoot><tr><th>${t('ledger.total')}</th>${four('th', (name) => number(data.total[name]))}</tr></tfoot></table>
  ${data.exercise?.total.received ? html`<p class="lead"><span class="drill">${t('exercise')}</span> ${t('ledger.exercise.title')}</p>
  <table class="list figures" data-testid="ledger-exercise-list"><tbody>${byType(data.exercise)}</tbody></table>` : ''}
  <p class="lead">${t('ledger.since', { at: moment(data.since) })}</p>`}</${Loaded}>`);

const Help = watched(() => html`<dl class="keys">${KEYS.map(([key, text]) => html`<div key=${key}>
    <dt><kbd>${key}</kbd></dt><dd>${t(text)}</dd></div>`)}</dl>
  <p class="lead">${t('help.levels')}</p><p class="lead">${t('help.order')}</p>
  <p class="lead"><a href="/docs" target="_blank" rel="noopener">${t('help.api')}</a></p>`);

const Officer = watched(() => html`<form onSubmit=${(event) => {
  event.preventDefault();
  officer.value = event.currentTarget.elements.officer.value.trim();
  closePanel();
}}><p class="lead">${t('officer.lead')}</p>
  <input name="officer" maxlength="40" autocomplete="off" data-testid="officer-name" defaultValue=${officer.value}
    aria-label=${t('officer.title')} placeholder=${t('officer.default')} />
  <button class="primary" data-testid="officer-save">${t('save')}</button></form>`);

const VIEWS = {
  raw: [Raw, 'raw.title'],
  ledger: [Ledger, 'ledger'],
  whynot: [WhyNot, 'whynot.title'],
  help: [Help, 'help.title'],
  officer: [Officer, 'officer.title'],
};

class Frame extends Component {
  componentDidMount() {
    this.before = document.activeElement;
    (this.box.querySelector('input, select') ?? this.box).focus();
  }

  componentWillUnmount() {
    this.before?.focus?.();
  }

  render({ kind, title, children }) {
    return html`<div class=${`panel panel-${kind}`} role="dialog" aria-label=${title} tabindex="-1" data-testid=${`panel-${kind}`}
        ref=${(element) => { this.box = element ?? this.box; }}>
      <header><h3>${title}</h3><button class="quiet icon-only" data-testid="panel-close" aria-label=${t('close')} title="Esc"
        onClick=${closePanel}><${Icon} name="close" /></button></header><div class="panel-body">${children}</div></div>`;
  }
}

export const Panel = watched(() => {
  const view = VIEWS[panel.value?.kind];
  if (!view) return null;
  const [View, title] = view;
  return html`<${Frame} key=${panel.value.kind} kind=${panel.value.kind} title=${t(title)}><${View} /></${Frame}>`;
});
