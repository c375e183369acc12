// Trying other thresholds on stored history: what would have been added, removed, earlier or later, at another level.
import { computed, effect, html, signal, watched } from '../lib.js';
import { clock, moment, number, said, span, t, unit, value, word } from '../i18n.js';
import { get, post, remove } from '../api.js';
import { tellProblem } from '../act.js';
import { single } from '../paged.js';
import { item, now, scenes, view } from '../state.js';
import { Icon, LevelMark } from '../shapes.js';
import { instant, typed } from './city_time.js';

const LEVELS = ['blue', 'yellow', 'orange', 'red'];
const CHANGES = ['added', 'removed', 'earlier', 'later', 'level_up', 'level_down', 'longer', 'shorter'];
const POLL_MS = 1000;

/** {scenes: names, set: [{key, value}], start, end: texts of the fields, against} */
const order = signal({ scenes: [], set: [], start: '', end: '', against: 'run' });
const jobs = single();
const shown = single();
const only = signal('');
const put = (part) => { order.value = { ...order.peek(), ...part }; };

/** 'scene.parameter' -> its description, of the scenes chosen (all where none is). */
const parameters = computed(() => new Map(scenes.value
  .filter((s) => !order.value.scenes.length || order.value.scenes.includes(s.name))
  .flatMap((s) => s.parameters.map((p) => [`${s.name}.${p.name}`, { ...p, scene: s }]))));

const going = (job) => job && (job.state === 'queued' || job.state === 'running');
const loadJobs = () => jobs.load(() => get('/backtests'), true);

effect(() => {
  if (view.value !== 'backtest') return;
  if (!order.peek().start) put({ start: typed(now.peek() - 3_600_000), end: typed(now.peek()) });
  loadJobs();
});

effect(() => {
  only.value = '';
  if (view.value === 'backtest' && item.value) shown.load(() => get(`/backtests/${encodeURIComponent(item.peek())}`));
  else shown.clear();
});

setInterval(() => {
  if (view.peek() !== 'backtest') return;
  if (jobs.state.peek().data?.items.some(going)) loadJobs();
  if (item.peek() && going(shown.state.peek().data)) shown.load(() => get(`/backtests/${encodeURIComponent(item.peek())}`), true);
}, POLL_MS);

async function start(event) {
  event.preventDefault();
  const { scenes: names, set, start: from, end, against } = order.peek();
  const overrides = Object.fromEntries(set.filter(({ key, value: v }) => key && v !== '').map(({ key, value: v }) => [key, Number(v)]));
  try {
    const job = await post('/backtests', { start: instant(from), end: instant(end), set: overrides, scenes: names, against: against || null });
    await loadJobs();
    item.value = job.id;
  } catch (problem) {
    tellProblem(problem);
  }
}

async function drop(id) {
  try {
    await remove(`/backtests/${encodeURIComponent(id)}`);
    if (item.peek() === id) item.value = null;
    loadJobs();
  } catch (problem) {
    tellProblem(problem);
  }
}

const changeSet = (i, part) => put({ set: order.peek().set.map((one, k) => (k === i ? { ...one, ...part } : one)) });

const Override = watched(({ i }) => {
  const { key, value: v } = order.value.set[i] ?? {};
  if (key === undefined) return null;
  const known = parameters.value.get(key);
  return html`<li class="override" data-testid="override"><select data-testid="override-key" aria-label=${t('backtest.parameter')} value=${key}
      onChange=${(event) => changeSet(i, { key: event.currentTarget.value, value: '' })}><option value="">${t('backtest.parameter')}</option>
      ${[...parameters.value].map(([name, p]) => html`<option key=${name} value=${name}>${said(p.scene.title)}: ${said(p.text) || p.name}</option>`)}</select>
    <input type="number" step="any" data-testid="override-value" aria-label=${t('backtest.value')} value=${v} placeholder=${known ? value(known.default) : ''}
      onInput=${(event) => changeSet(i, { value: event.currentTarget.value })} /><span class="none">${unit(known?.unit)}</span>
    <button type="button" class="quiet icon-only" aria-label=${t('backtest.override.drop')} onClick=${() => put({ set: order.peek().set.filter((_, k) => k !== i) })}>
      <${Icon} name="close" /></button>
    ${known ? html`<small>${t('why.default', { v: value(known.default) })} · <code>${known.source}</code></small>` : ''}</li>`;
});

const Form = watched(() => {
  const { scenes: names, set, start: from, end, against } = order.value;
  const flip = (name) => put({ scenes: names.includes(name) ? names.filter((n) => n !== name) : [...names, name] });
  return html`<form class="stack" data-testid="backtest-form" onSubmit=${start}>
    <fieldset><legend>${t('backtest.scenes')}</legend><div class="checks">${scenes.value.map((s) => html`<label key=${s.name}><input type="checkbox"
      data-testid=${`backtest-scene-${s.name}`} checked=${names.includes(s.name)} onChange=${() => flip(s.name)} />${said(s.title)}</label>`)}</div>
      <small class="none">${names.length ? '' : t('backtest.scenes.all')}</small></fieldset>
    <fieldset><legend>${t('backtest.set')}</legend><ul>${set.map((_, i) => html`<${Override} key=${i} i=${i} />`)}</ul>
      <button type="button" data-testid="override-add" onClick=${() => put({ set: [...set, { key: '', value: '' }] })}><${Icon} name="plus" />${t('backtest.override.add')}</button></fieldset>
    <fieldset class="period"><legend>${t('backtest.period')}</legend>
      <label>${t('backtest.start')}<input type="datetime-local" step="1" required data-testid="backtest-start" value=${from} onInput=${(event) => put({ start: event.currentTarget.value })} /></label>
      <label>${t('backtest.end')}<input type="datetime-local" step="1" required data-testid="backtest-end" value=${end} onInput=${(event) => put({ end: event.currentTarget.value })} /></label></fieldset>
    <label>${t('backtest.against')}<select data-testid="backtest-against" value=${against} onChange=${(event) => put({ against: event.currentTarget.value })}>
      ${['run', 'log', ''].map((name) => html`<option key=${name} value=${name}>${t(`backtest.against.${name || 'none'}`)}</option>`)}</select></label>
    <button class="primary" data-testid="backtest-run">${t('backtest.run')}</button></form>`;
});

const Jobs = watched(() => {
  const { data, error } = jobs.state.value;
  if (error) return html`<p class="error pad">${error.status === 0 ? t('error.offline') : said(error.text)}</p>`;
  if (!data?.items.length) return html`<p class="none pad" data-testid="backtest-none">${t(data ? 'backtest.none' : 'loading')}</p>`;
  return html`<ul class="entries" data-testid="backtest-jobs">${data.items.map((job) => html`<li key=${job.id}><button class="entry two" data-testid="backtest-job"
    data-id=${job.id} data-state=${job.state} aria-current=${item.value === job.id} onClick=${() => { item.value = job.id; }}>
    <span class="entry-line"><b>${t(`backtest.state.${job.state}`)}</b>${job.state === 'running' ? html`<span>${Math.round(job.progress * 100)} %</span>` : ''}
      <time>${clock(job.created_at)}</time></span>
    <span class="entry-detail">${Object.entries(job.order.set).map(([key, v]) => `${key} = ${value(v)}`).join(', ') || t('backtest.nothing_set')}</span></button></li>`)}</ul>`;
});

const one = (side) => (side ? html`<${LevelMark} level=${side.level} /> ${side.raised_at ? clock(side.raised_at) : ''}
  ${side.cleared_at ? html`<small>→ ${clock(side.cleared_at)}</small>` : ''}` : html`<span class="none">–</span>`);

const shift = (s) => `${s < 0 ? '−' : '+'}${span(Math.abs(s))}`;

const Difference = watched(({ job }) => {
  const { before, after, summary, items } = job.difference;
  const rows = items.filter((x) => !only.value || x.changes.includes(only.value));
  const side = (name, counts) => html`<tr><th>${t(`backtest.${name}`)}</th><td class="right">${number(counts.incidents)}</td><td class="right">${number(counts.steps)}</td>
    ${LEVELS.map((level) => html`<td class="right" key=${level}>${number(counts.levels[level])}</td>`)}</tr>`;
  return html`<table class="list figures" data-testid="backtest-counts"><thead><tr><th></th><th class="right">${t('backtest.incidents')}</th><th class="right">${t('backtest.steps')}</th>
      ${LEVELS.map((level) => html`<th class="right" key=${level}>${t(`level.${level}`)}</th>`)}</tr></thead>
    <tbody>${side('before', before)}${side('after', after)}</tbody></table>
    <div class="changes" role="group" aria-label=${t('backtest.changes')} data-testid="backtest-summary">${CHANGES.map((name) => html`<button key=${name} class="chip" aria-pressed=${only.value === name}
      data-testid=${`change-${name}`} data-count=${summary[name]} disabled=${!summary[name]} onClick=${() => { only.value = only.peek() === name ? '' : name; }}>
      ${t(`change.${name}`)} <b>${number(summary[name])}</b></button>`)}<span class="none">${t('backtest.same', { n: number(summary.same) })}</span></div>
    ${rows.length ? html`<table class="list" data-testid="backtest-items"><thead><tr><th>${t('backtest.change')}</th><th>${t('backtest.incident')}</th><th>${t('backtest.before')}</th>
      <th>${t('backtest.after')}</th><th>${t('backtest.shift')}</th></tr></thead>
      <tbody>${rows.map((x, i) => html`<tr key=${i} data-testid="backtest-item" data-changes=${x.changes.join(' ')}><td>${x.changes.map((name) => t(`change.${name}`)).join(' · ')}</td>
        <td>${word('event', x.event)}<small>${said((x.after ?? x.before)?.headline)}</small></td><td>${one(x.before)}</td><td>${one(x.after)}</td>
        <td>${Object.entries(x.shift_s ?? {}).filter(([, s]) => s).map(([level, s]) => html`<span key=${level}>${t(`level.${level}`)} ${shift(s)} </span>`)}</td></tr>`)}</tbody></table>`
      : html`<p class="none" data-testid="backtest-unchanged">${t('backtest.unchanged')}</p>`}`;
});

const Job = watched(() => {
  const { data: job, error } = shown.state.value;
  if (error) return html`<p class="error pad" data-testid="backtest-error">${error.status === 0 ? t('error.offline') : said(error.text)}</p>`;
  if (!item.value) return html`<div class="blank-room"><${Icon} name="backtest" /><h2>${t('view.backtest.title')}</h2><p>${t('backtest.lead')}</p></div>`;
  if (!job) return html`<p class="none pad">${t('loading')}</p>`;
  const { order: asked } = job;
  return html`<article class="sheet" data-testid="backtest" data-id=${job.id} data-state=${job.state}><header><h2>${t(`backtest.state.${job.state}`)}</h2><span class="spring"></span>
      <button data-testid="backtest-drop" onClick=${() => drop(job.id)}>${t(going(job) ? 'backtest.stop' : 'backtest.forget')}</button></header>
    <dl class="facts-line"><div><dt>${t('backtest.period')}</dt><dd>${moment(asked.start)} – ${moment(asked.end)}</dd></div>
      <div><dt>${t('backtest.scenes')}</dt><dd>${asked.scenes.map((name) => word('scene', name)).join(' · ')}</dd></div>
      <div><dt>${t('backtest.set')}</dt><dd>${Object.entries(asked.set).map(([key, v]) => html`<code key=${key}>${key} = ${value(v)}</code> `)}</dd></div>
      <div><dt>${t('backtest.rows')}</dt><dd>${number(job.rows)}</dd></div></dl>
    ${going(job) ? html`<div class="progress"><progress max="1" value=${job.progress} data-testid="backtest-progress" aria-label=${t('backtest.progress')}></progress>
      ${Math.round(job.progress * 100)} %</div>` : ''}
    ${job.error ? html`<p class="error">${said(job.error)}</p>` : ''}
    ${job.difference?.items ? html`<${Difference} job=${job} />` : job.state === 'done' ? html`<p class="none">${t('backtest.no_comparison', { n: number(job.steps) })}</p>` : ''}</article>`;
});

/** The room. */
export const Backtest = watched(() => html`<div class="split three"><section class="side scroll" aria-label=${t('backtest.new')}><header><h3>${t('backtest.new')}</h3></header><${Form} /></section>
  <section class="side" aria-label=${t('backtest.jobs')}><header><h3>${t('backtest.jobs')}</h3></header><${Jobs} /></section><div class="main-pane"><${Job} /></div></div>`);
