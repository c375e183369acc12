// The quarantine: how much of what was refused and why, each message whole, and trying it again, one or all of a reason.
import { effect, html, signal, watched } from '../lib.js';
import { moment, number, said, span, t, word } from '../i18n.js';
import { get, post } from '../api.js';
import { tell, tellProblem } from '../act.js';
import { paged, settled, single } from '../paged.js';
import { item, now, sensorTypes, view } from '../state.js';
import { goTo } from '../rail.js';
import { sensorTypeName } from '../facts.js';
import { Icon } from '../shapes.js';
import { Rows } from './rows.js';

const filter = signal({ reason: '', sensor_type: '', topic: '' });
const summary = single();
const list = paged();
/** A retry of many: {key, reason, sensor_type, queued, before, left, done}. */
const batch = signal(null);
/** What became of the last single retry: {id, rows, refused, duplicates}. */
const outcome = signal(null);

const query = (part) => new URLSearchParams(Object.entries(part).filter(([, v]) => v)).toString();
const loadSummary = () => summary.load(() => get('/quarantine/summary'), true);
const loadList = () => list.load(`/quarantine?limit=100&${query(filter.peek())}`);
const soon = settled(loadList, 300);

function put(part) {
  filter.value = { ...filter.peek(), ...part };
  item.value = null;
  soon();
}

effect(() => {
  if (view.value !== 'quarantine') return;
  loadSummary();
  loadList();
});

const keyOf = (line) => `${line.reason}/${line.sensor_type ?? ''}`;
const same = (line) => (other) => other.reason === line.reason && (!line.sensor_type || other.sensor_type === line.sensor_type);
const sum = (lines) => lines.reduce((n, line) => n + line.count, 0);

const POLL_MS = 700;
const STILL_MS = 8_000; // nothing moved for so long: what is left was refused again for the same reason

/** Watch the counts until what was queued has been tried. */
function follow(of) {
  let last = Date.now();
  const timer = setInterval(async () => {
    try {
      const data = await get('/quarantine/summary');
      summary.state.value = { data, error: null };
      const left = sum(data.items.filter(same(of)));
      const known = batch.peek();
      if (known?.key !== of.key) {
        clearInterval(timer);
        return;
      }
      if (left !== known.left) last = Date.now();
      const mended = Math.min(of.queued, Math.max(0, of.total - sum(data.items))); // refused for another reason is not mended
      const done = of.before - left >= of.queued || Date.now() - last > STILL_MS;
      batch.value = { ...known, left, mended, done };
      if (done) {
        clearInterval(timer);
        loadList();
      }
    } catch { /* the connection badge says so */ }
  }, POLL_MS);
}

async function retryAll(line) {
  try {
    const { queued } = await post(`/quarantine/retry?${query({ reason: line.reason, sensor_type: line.sensor_type })}`, {});
    const of = { ...line, key: `${keyOf(line)}/${Date.now()}`, queued, before: line.count, left: line.count, mended: 0,
      total: sum(summary.state.peek().data?.items ?? []), done: queued === 0 };
    batch.value = of;
    if (queued) follow(of);
  } catch (problem) {
    tellProblem(problem);
  }
}

async function retryOne(id) {
  try {
    outcome.value = { id, ...await post(`/quarantine/${encodeURIComponent(id)}/retry`, {}) };
    loadSummary();
    list.again();
  } catch (problem) {
    tell(problem.status === 404 ? t('quarantine.cut') : said(problem.text), true);
  }
}

const ago = (at) => t('ago', { age: span((now.value - Date.parse(at)) / 1000) });

const SummaryLine = watched(({ line }) => {
  const at = filter.value.reason === line.reason && filter.value.sensor_type === (line.sensor_type ?? '');
  return html`<tr class=${at ? 'chosen' : ''} data-testid="summary-row" data-reason=${line.reason} data-sensor-type=${line.sensor_type ?? ''}>
    <td><button class="link" aria-pressed=${at} data-testid="summary-choose"
      onClick=${() => put(at ? { reason: '', sensor_type: '' } : { reason: line.reason, sensor_type: line.sensor_type ?? '' })}>
      ${word('quarantine', line.reason)}</button><small>${line.sensor_type ? sensorTypeName(line.sensor_type) : t('quarantine.no_type')}</small></td>
    <td class="right" data-testid="summary-count">${number(line.count)}</td><td class="right"><time title=${moment(line.newest)}>${ago(line.newest)}</time></td>
    <td class="right"><button class="quiet" data-testid="retry-all" title=${t('quarantine.retry_all.title')}
      onClick=${() => retryAll(line)}><${Icon} name="retry" />${t('quarantine.retry_all')}</button></td></tr>`;
});

const Batch = watched(() => {
  const of = batch.value;
  if (!of) return null;
  return html`<div class="progress" role="status" data-testid="batch" data-done=${of.done} data-queued=${of.queued} data-mended=${of.mended}>
    <b>${word('quarantine', of.reason)}</b> ${of.done ? t('quarantine.batch.done', { n: number(of.queued), m: number(of.mended), k: number(of.queued - of.mended) })
      : t('quarantine.batch.running', { n: number(of.queued), m: number(of.mended) })}
    <progress max=${Math.max(1, of.queued)} value=${of.done ? of.queued : of.before - of.left} aria-label=${t('quarantine.retry_all')}></progress>
    ${of.done ? html`<button class="quiet icon-only" aria-label=${t('close')} onClick=${() => { batch.value = null; }}><${Icon} name="close" /></button>` : ''}</div>`;
});

const Summary = watched(() => {
  const { data, error } = summary.state.value;
  const items = data?.items ?? [];
  return html`<section class="side wide" aria-label=${t('quarantine.by_reason')}><header><h3>${t('quarantine.by_reason')}</h3>
      <p class="lead">${t('quarantine.lead')}</p><${Batch} /></header>
    ${error ? html`<p class="error pad" data-testid="summary-error">${error.status === 0 ? t('error.offline') : said(error.text)}</p>` : ''}
    ${!data && !error ? html`<p class="none pad">${t('loading')}</p>` : ''}
    ${items.length ? html`<div class="scroll pad"><table class="list" data-testid="quarantine-summary"><thead><tr><th>${t('quarantine.reason')}</th>
      <th class="right">${t('quarantine.count')}</th><th class="right">${t('quarantine.newest')}</th><th></th></tr></thead>
      <tbody>${items.map((line) => html`<${SummaryLine} key=${keyOf(line)} line=${line} />`)}</tbody></table></div>` : ''}</section>`;
});

/** Bytes as text where they are text, else null. */
function textOf(raw) {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(raw);
  } catch {
    return null;
  }
}

const MOST_HEX = 4096;

/** Offset, sixteen bytes, and what of them is printable. */
function hexOf(raw) {
  const lines = [];
  for (let at = 0; at < Math.min(raw.length, MOST_HEX); at += 16) {
    const row = [...raw.subarray(at, at + 16)];
    const digits = row.map((b) => b.toString(16).padStart(2, '0')).join(' ').padEnd(47);
    const signs = row.map((b) => (b >= 32 && b < 127 ? String.fromCharCode(b) : '.')).join('');
    lines.push(`${at.toString(16).padStart(6, '0')}  ${digits}  ${signs}`);
  }
  return lines.join('\n');
}

const form = signal('text');

const Record = watched(() => {
  const one = list.state.value.items?.find((x) => x.id === item.value);
  if (!one) return html`<div class="blank-room"><${Icon} name="quarantine" /><p>${t('quarantine.choose')}</p></div>`;
  const raw = Uint8Array.from(atob(one.payload_base64), (c) => c.charCodeAt(0));
  const text = textOf(raw);
  const shown = form.value === 'text' && text !== null ? text : hexOf(raw);
  const became = outcome.value?.id === one.id ? outcome.value : null;
  const type = one.sensor_type && sensorTypes.value.get(one.sensor_type);
  return html`<article class="sheet" data-testid="quarantine-detail" data-id=${one.id}>
    <header><h2>${word('quarantine', one.reason)}</h2><code>${one.reason}</code><span class="spring"></span>
      <button class="primary" data-testid="quarantine-retry" disabled=${raw.length < one.size} title=${raw.length < one.size ? t('quarantine.cut') : null}
        onClick=${() => retryOne(one.id)}><${Icon} name="retry" />${t('quarantine.retry')}</button></header>
    <p class="sentence" data-testid="quarantine-sentence">${one.detail}</p>
    <dl class="facts-line"><div><dt>${t('quarantine.topic')}</dt><dd><code>${one.topic}</code></dd></div>
      <div><dt>${t('quarantine.time')}</dt><dd>${moment(one.received_at)}</dd></div>
      <div><dt>${t('ledger.sensor_type')}</dt><dd>${type ? html`<button class="link" onClick=${() => goTo('access', type.id)}>${said(type.name)}</button>`
        : one.sensor_type ? html`<code>${one.sensor_type}</code>` : t('quarantine.no_type')}</dd></div>
      ${one.device ? html`<div><dt>${t('quarantine.device')}</dt><dd><code>${one.device}</code></dd></div>` : ''}
      <div><dt>${t('quarantine.size')}</dt><dd>${t('quarantine.bytes', { n: number(one.size) })}</dd></div>
      <div><dt>${t('quarantine.retries')}</dt><dd data-testid="quarantine-retries">${one.retries}</dd></div>
      ${one.mended_at ? html`<div><dt>${t('quarantine.mended_at')}</dt><dd data-testid="quarantine-mended">${moment(one.mended_at)}</dd></div>` : ''}</dl>
    ${became ? html`<section class="arrival" data-testid="retry-outcome" data-rows=${became.rows.length} role="status">
      ${became.rows.length || became.duplicates ? html`<p class="good">${t('quarantine.mended', { n: became.rows.length, m: became.duplicates })}</p>` : ''}
      ${became.refused.map((r, i) => html`<p class="error" key=${i}>${t('quarantine.again')} <b>${word('quarantine', r.reason)}</b> ${r.detail}</p>`)}
      ${became.rows.length ? html`<${Rows} rows=${became.rows} />` : ''}</section>` : ''}
    <h3>${t('quarantine.raw')}<span class="tabs-small" role="group" aria-label=${t('quarantine.raw')}>${['text', 'hex'].map((name) => html`<button key=${name}
      data-testid=${`form-${name}`} aria-pressed=${form.value === name} disabled=${name === 'text' && text === null}
      onClick=${() => { form.value = name; }}>${t(`access.form.${name}`)}</button>`)}</span></h3>
    ${raw.length < one.size ? html`<p class="none">${t('quarantine.cut')}</p>` : ''}
    <pre data-testid="quarantine-bytes">${shown}</pre></article>`;
});

const Refused = watched(() => {
  const { items, cursor, error, busy } = list.state.value;
  const reasons = [...new Set((summary.state.value.data?.items ?? []).map((line) => line.reason))];
  const { reason, topic, sensor_type: type } = filter.value;
  const filtered = Boolean(reason || topic || type);
  return html`<section class="side list-side" aria-label=${t('quarantine.list')}><header><div class="filters">
      <select data-testid="quarantine-reason" aria-label=${t('quarantine.reason')} value=${reason} onChange=${(event) => put({ reason: event.currentTarget.value })}>
        <option value="">${t('quarantine.reason.all')}</option>${reasons.map((name) => html`<option key=${name} value=${name}>${word('quarantine', name)}</option>`)}</select>
      <input type="search" data-testid="quarantine-topic" placeholder=${t('quarantine.topic.exact')} aria-label=${t('quarantine.topic.exact')} value=${topic}
        onInput=${(event) => put({ topic: event.currentTarget.value.trim() })} />
      ${type ? html`<button class="chip" data-testid="quarantine-type" title=${t('filter.clear')} onClick=${() => put({ sensor_type: '' })}>${sensorTypeName(type)} ×</button>` : ''}
      <button class="quiet icon-only" data-testid="quarantine-again" aria-label=${t('again')} title=${t('again')}
        onClick=${() => { loadSummary(); list.again(); }}><${Icon} name="retry" /></button></div></header>
    ${error ? html`<p class="error pad">${error.status === 0 ? t('error.offline') : said(error.text)}</p>` : ''}
    ${items?.length ? html`<ul class="entries" data-testid="quarantine-list">${items.map((one) => html`<li key=${one.id}><button class="entry two"
        data-testid="quarantine-row" data-reason=${one.reason} data-id=${one.id} aria-current=${item.value === one.id}
        onClick=${() => { item.value = one.id; }}><span class="entry-line"><b>${word('quarantine', one.reason)}</b>
          ${one.mended_at ? html`<span class="badge good">✓</span>` : one.retries ? html`<span class="badge">${t('quarantine.tried', { n: one.retries })}</span>` : ''}
          <time title=${moment(one.received_at)}>${ago(one.received_at)}</time></span>
          <code>${one.topic}</code><span class="entry-detail">${one.detail}</span></button></li>`)}
      ${cursor ? html`<li><button data-testid="quarantine-more" disabled=${busy} onClick=${() => list.more()}>${t('more')}</button></li>` : ''}</ul>`
      : items ? html`<p class="none pad" data-testid="quarantine-none">${t(filtered ? 'quarantine.none.filtered' : 'quarantine.none')}</p>`
        : html`<p class="none pad">${t('loading')}</p>`}</section>`;
});

/** The room. */
export const Quarantine = watched(() => html`<div class="split three"><${Summary} /><${Refused} /><div class="main-pane"><${Record} /></div></div>`);
