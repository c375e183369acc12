// Why not: a place, a moment and a scene; the platform answers which conditions of which rules were not met there.
import { html, signal, watched } from './lib.js';
import { clock, moment, number, said, t, value, word } from './i18n.js';
import { get } from './api.js';
import { select } from './act.js';
import { single } from './paged.js';
import { districtAt } from './place.js';
import { incidents, now, panel, scenes, sensorTypes } from './state.js';
import { Facts, sensorTypeName } from './facts.js';
import { ModalityIcon } from './shapes.js';
import { instant, typed } from './views/city_time.js';

/** True while the next click on the map chooses the place. */
export const picking = signal(false);
/** What stands in the fields, as text. */
const question = signal({ scene: '', lon: '', lat: '', at: '', radius: '300' });
const answer = single();
const busy = signal(false);
const WINDOW_S = 3600;

const put = (part) => { question.value = { ...question.peek(), ...part }; };

/** Begin: the next click on the map is the place. */
export function startWhyNot() {
  picking.value = !picking.peek();
  if (!picking.peek()) return;
  panel.value = { kind: 'whynot' };
}

/** The place was chosen. */
export function picked(lon, lat) {
  picking.value = false;
  put({ lon: lon.toFixed(6), lat: lat.toFixed(6) });
  panel.value = { kind: 'whynot' };
  ask();
}

const sceneName = () => question.peek().scene || scenes.peek()[0]?.name;

async function ask(event) {
  event?.preventDefault();
  const { lon, lat, at, radius } = question.peek();
  if (lon === '' || lat === '' || !sceneName()) return;
  const query = new URLSearchParams({ lon, lat, radius_m: radius || '0', window_s: WINDOW_S });
  const when = instant(at);
  if (when) query.set('at', when);
  busy.value = true;
  await answer.load(() => get(`/scenes/${encodeURIComponent(sceneName())}/explain?${query}`), true);
  busy.value = false;
}

const coordinate = (name, low, high) => html`<input type="number" step="any" min=${low} max=${high} required name=${name} data-testid=${`whynot-${name}`}
  aria-label=${t(`whynot.${name}`)} placeholder=${t(`whynot.${name}`)} value=${question.value[name]}
  onInput=${(event) => put({ [name]: event.currentTarget.value })} />`;

const Form = watched(() => {
  const { scene, at, radius, lon, lat } = question.value;
  const where = lon !== '' && lat !== '' ? said(districtAt(Number(lon), Number(lat))?.name) : '';
  return html`<form class="whynot-form" onSubmit=${ask}>
    <label>${t('whynot.scene')}<select data-testid="whynot-scene" value=${scene || sceneName()} onChange=${(event) => { put({ scene: event.currentTarget.value }); ask(); }}>
      ${scenes.value.map((s) => html`<option key=${s.name} value=${s.name}>${said(s.title) || word('scene', s.name)}</option>`)}</select></label>
    <label>${t('whynot.place')} ${where ? html`<small>${where}</small>` : ''}<span class="pair">${coordinate('lon', -180, 180)}${coordinate('lat', -90, 90)}</span></label>
    <label>${t('whynot.radius')}<input type="number" min="0" max="20000" step="50" data-testid="whynot-radius" value=${radius}
      onInput=${(event) => put({ radius: event.currentTarget.value })} /></label>
    <label>${t('whynot.at')}<input type="datetime-local" step="1" data-testid="whynot-at" value=${at} max=${typed(now.peek())}
      onInput=${(event) => put({ at: event.currentTarget.value })} /></label>
    <button class="primary" data-testid="whynot-ask" disabled=${busy.value}>${t(busy.value ? 'loading' : 'whynot.ask')}</button></form>`;
});

const Item = ({ one }) => html`<li class="witness" data-testid="whynot-item" data-device=${one.device} data-rule=${one.rule} data-speaks=${one.speaks}>
  <div class="witness-head"><${ModalityIcon} modality=${sensorTypes.value.get(one.sensor_type)?.family} />
    <span>${sensorTypeName(one.sensor_type)} <code>${one.device}</code></span><code class="rule">${one.rule}</code></div>
  <p class=${one.speaks ? 'good' : ''}>${one.speaks ? t('whynot.speaks') : t('whynot.unmet', { n: one.unmet.length })}</p>
  <${Facts} sensorType=${one.sensor_type} facts=${one.facts} /></li>`;

const Answer = watched(() => {
  const { data, error } = answer.state.value;
  if (error) return html`<p class="error" data-testid="whynot-error">${error.status === 0 ? t('error.offline') : said(error.text)}</p>`;
  if (!data) return html`<p class="lead" data-testid="whynot-lead">${t('whynot.lead')}</p>`;
  return html`<div class=${busy.value ? 'old' : ''} data-testid="whynot-answer" data-basis=${data.basis}>
    <p class="lead">${data.basis === 'live' ? t('whynot.live', { at: clock(data.at) })
      : t('whynot.replay', { from: moment(data.from), at: moment(data.at), n: number(data.rows) })}</p>
    ${data.runs_here ? '' : html`<p class="error" data-testid="whynot-off">${t('whynot.off')}</p>`}
    ${data.incidents.map((one) => {
      const id = typeof one === 'string' ? one : one.incident ?? one.id;
      return html`<p class="good" key=${id}>${t('whynot.incident')}
      <button class="link" onClick=${() => select(id)}>${said(incidents.value.get(id)?.headline) || id}</button></p>`;
    })}
    ${data.items.length ? html`<ul class="witnesses">${data.items.map((one, i) => html`<${Item} key=${i} one=${one} />`)}</ul>`
      : html`<p class="none" data-testid="whynot-none">${t('whynot.none')}</p>`}
    <h4>${t('whynot.devices')}</h4><p class="none">${data.devices.length ? data.devices.map((d) => html`<span class="device" key=${`${d.sensor_type}/${d.device}`}>${sensorTypeName(d.sensor_type)}${' '}
      <code>${d.device}</code> ${value(Math.round(d.distance_m))} m </span>`) : t('whynot.devices.none')}</p></div>`;
});

export const WhyNot = watched(() => html`${picking.value ? html`<p class="pick-hint" role="status" data-testid="whynot-picking">${t('whynot.pick')}</p>` : ''}
  <${Form} /><${Answer} />`);
