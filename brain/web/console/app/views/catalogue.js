// The catalogue: every resource of the platform as one list that the server searches and pages.
import { effect, html, signal, watched } from '../lib.js';
import { moment, number, said, span, t, word } from '../i18n.js';
import { paged, settled } from '../paged.js';
import { city, item, view } from '../state.js';
import { departmentName } from '../part.js';
import { goTo } from '../rail.js';
import { Icon, ModalityIcon } from '../shapes.js';

const KINDS = ['sensor-type', 'data-set', 'interface', 'scene', 'story', 'device'];

const filter = signal({ q: '', kind: '', district: '' });
const list = paged();

function address() {
  const { q, kind, district } = filter.peek();
  return new URLSearchParams(Object.entries({ limit: 100, q: q.trim(), kind, district }).filter(([, v]) => v)).toString();
}

const load = () => list.load(`/catalogue?${address()}`);
const soon = settled(load, 250);

function put(part) {
  filter.value = { ...filter.peek(), ...part };
  soon();
}

effect(() => {
  if (view.value === 'catalogue' && !list.state.peek().items) load();
});

const keyOf = (one) => `${one.kind}/${one.sensor_type ?? ''}/${one.id}`;

function owner(one) {
  if (one.owner.kind === 'department') return departmentName(one.owner.id);
  return said(one.owner.name) || one.owner.id;
}

const districtName = (id) => said(city.value.districts?.find((d) => d.id === id)?.name) || id;

function bytes(n) {
  if (typeof n !== 'number') return '';
  const step = Math.min(4, Math.floor(Math.log2(Math.max(1, n)) / 10));
  return `${Number((n / 1024 ** step).toPrecision(3))} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][step]}`;
}

const percent = (share) => `${Number((100 * share).toFixed(share > 0.999 && share < 1 ? 2 : 1))} %`;
const stale = (one) => typeof one.age_s === 'number' && one.age_s > 3600;

/** Where a line leads in the page; the rest lead to the API. */
function open(one) {
  if (one.kind === 'sensor-type' || (one.kind === 'interface' && one.id.startsWith('MQTT '))) goTo('access', one.sensor_type);
  else item.value = item.peek() === keyOf(one) ? null : keyOf(one);
}

const Row = watched(({ one }) => {
  const chosen = item.value === keyOf(one);
  return html`<tr class=${chosen ? 'chosen' : ''} data-testid="resource" data-kind=${one.kind} data-id=${one.id} data-access=${one.access.class}>
    <td class="kind">${one.family ? html`<${ModalityIcon} modality=${one.family} />` : html`<i class="icon"></i>`} ${t(`kind.${one.kind}`)}</td>
    <td><button class="link" data-testid="resource-open" aria-expanded=${chosen} onClick=${() => open(one)}>${said(one.name)}</button>
      <small><code>${one.id}</code>${one.retired ? html` <span class="badge off">${t('access.retired')}</span>` : ''}</small></td>
    <td data-testid="resource-owner">${owner(one)}</td><td>${one.district ? districtName(one.district) : ''}</td>
    <td class="right">${one.rows_per_h === null ? '' : number(one.rows_per_h)}</td>
    <td class=${`right${stale(one) ? ' stale' : ''}`} data-testid="resource-age">${one.newest_at
      ? html`<time title=${moment(one.newest_at)}>${span(one.age_s)}</time>` : ''}</td>
    <td class="right">${one.quality === null ? one.quarantined ? t('catalogue.refused', { n: number(one.quarantined) }) : '' : percent(one.quality)}</td>
    <td class="right">${one.rows === undefined ? '' : number(one.rows)}<small>${bytes(one.bytes)}</small></td>
    <td><span class=${`class class-${one.access.class}`} title=${said(one.access.reason)}>${t(`class.${one.access.class}`)}</span></td></tr>
  ${chosen ? html`<tr class="more" data-testid="resource-more"><td></td><td colspan="8"><p>${t('catalogue.class_reason')} ${said(one.access.reason)}</p>
    <p>${one.href.startsWith('/') ? html`<a href=${one.href} target="_blank" rel="noopener"><${Icon} name="link" />${one.href}</a>` : html`<code>${one.href}</code>`}
      ${one.sensor_type ? html` · <button class="link" onClick=${() => goTo('access', one.sensor_type)}>${t('access.show')}</button>` : ''}
      ${one.events ? html` · ${one.events.map((event) => word('event', event)).join(' · ')}` : ''}</p></td></tr>` : ''}`;
});

const HEAD = [['kind'], ['name'], ['owner'], ['district'], ['rate', 'right'], ['age', 'right'], ['quality', 'right'], ['size', 'right'], ['class']];

const Table = watched(() => {
  const { items, cursor, error, busy } = list.state.value;
  if (error) {
    return html`<p class="error pad" data-testid="catalogue-error">${error.status === 0 ? t('error.offline') : said(error.text)}
      <button onClick=${load}>${t('again')}</button></p>`;
  }
  if (!items) return html`<p class="none pad">${t('loading')}</p>`;
  if (!items.length) return html`<p class="none pad" data-testid="catalogue-none">${t('catalogue.none')}</p>`;
  return html`<div class="scroll grow" tabindex="0" role="region" aria-label=${t('view.catalogue.title')}><table class="list catalogue" data-testid="catalogue"
      aria-busy=${busy}>
    <thead><tr>${HEAD.map(([name, side]) => html`<th key=${name} class=${side ?? ''}>${t(`catalogue.${name}`)}</th>`)}</tr></thead>
    <tbody>${items.map((one) => html`<${Row} key=${keyOf(one)} one=${one} />`)}</tbody></table>
    ${cursor ? html`<p class="pad"><button data-testid="catalogue-more" disabled=${busy} onClick=${() => list.more()}>${t('more')}</button></p>` : ''}</div>`;
});

const Csv = watched(() => {
  filter.value; // the address follows what is asked
  return html`<a class="button" data-testid="catalogue-json" href=${`/api/v1/catalogue?${address()}`} target="_blank" rel="noopener">
    <${Icon} name="link" />JSON</a>`;
});

/** The room. */
export const Catalogue = watched(() => {
  const { q, kind, district } = filter.value;
  const { items, cursor } = list.state.value;
  return html`<div class="sole"><header class="filters pad"><h2>${t('view.catalogue.title')}</h2>
      <input type="search" data-testid="catalogue-search" maxlength="200" value=${q} placeholder=${t('catalogue.search')} aria-label=${t('catalogue.search')}
        onInput=${(event) => put({ q: event.currentTarget.value })} />
      <select data-testid="catalogue-kind" aria-label=${t('catalogue.kind')} value=${kind} onChange=${(event) => put({ kind: event.currentTarget.value })}>
        <option value="">${t('catalogue.kind.all')}</option>${KINDS.map((name) => html`<option key=${name} value=${name}>${t(`kind.${name}`)}</option>`)}</select>
      <select data-testid="catalogue-district" aria-label=${t('catalogue.district')} value=${district} onChange=${(event) => put({ district: event.currentTarget.value })}>
        <option value="">${t('catalogue.district.all')}</option>
        ${(city.value.districts ?? []).map((d) => html`<option key=${d.id} value=${d.id}>${said(d.name) || d.id}</option>`)}</select>
      <span class="none" data-testid="catalogue-count">${items ? t(cursor ? 'catalogue.count.more' : 'catalogue.count', { n: number(items.length) }) : ''}</span>
      <${Csv} /></header><${Table} /></div>`;
});
