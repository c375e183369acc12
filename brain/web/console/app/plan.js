// The plan of an incident as a short table: which unit, how soon, where to; the map draws its route.
import { html, watched } from './lib.js';
import { said, span, t, value, word } from './i18n.js';
import { hospital } from './place.js';
import { sensorTypeName } from './facts.js';
import { Section } from './part.js';

const seconds = (s) => html`<b class="eta">${span(s)}</b>`;
const code = (id) => html`<code>${id}</code>`;

/** Keys of a plan the page knows how to say, in the order of urgency; others follow as they are. */
const KNOWN = {
  dispatch: (v) => word('dispatch', v),
  primary_unit: code,
  eta_s: seconds,
  first_responder: code,
  first_responder_eta_s: seconds,
  aed: code,
  aed_eta_s: seconds,
  hospital: (v) => html`${hospital(v)} <code>${v}</code>`,
  route: (v) => t('plan.route.nodes', { n: v.length }),
  green_wave: (v) => html`<span class="signals">${Object.entries(v).map(([signal, s]) => html`<span key=${signal}>
    <code>${signal}</code> ${span(s)}</span>`)}</span>`,
  aed_options: (v) => html`<span class="signals">${Object.entries(v).map(([who, s]) => html`<span key=${who}>
    <code>${who}</code> ${span(s)}</span>`)}</span>`,
  hazards: (v) => html`<span class="signals">${v.map((h) => html`<span key=${h.incident}>${said(h.text)}</span>`)}</span>`,
  linked_calls: (v) => html`<span class="signals">${v.map((id) => html`<span key=${id}>${code(id)}</span>`)}</span>`,
  major_hazard: (v) => t('plan.major_hazard.said', { level: value(v.registered ?? v.level), s: value(v.s), r: value(v.r) }),
  zone: code,
  move_up: (v) => (v ? code(v) : t('plan.nobody')),
  guide_to: code,
  device: code,
  sensor_type: sensorTypeName,
  fault: code,
};

const SUFFIXES = [['_ms', 'm/s'], ['_m', 'm'], ['_deg', '°'], ['_pct', '%'], ['_kmh', 'km/h']];

/** A value of a key the page does not know: its unit stands at the key's end. */
function plain(v, key) {
  if (typeof v === 'number' && key.endsWith('_s')) return seconds(v);
  const found = typeof v === 'number' && SUFFIXES.find(([suffix]) => key.endsWith(suffix));
  if (found) return `${value(Math.round(v * 100) / 100)} ${found[1]}`;
  if (typeof v === 'number') return value(Math.round(v * 100) / 100);
  return typeof v === 'object' ? JSON.stringify(v) : value(v);
}

export const Plan = watched(({ incident }) => {
  const plan = incident.plan ?? {};
  const given = Object.keys(plan).filter((key) => key !== 'verify' && plan[key] !== undefined && (plan[key] !== null || key === 'move_up'));
  if (!given.length) return null;
  const keys = [...Object.keys(KNOWN).filter((key) => given.includes(key)), ...given.filter((key) => !(key in KNOWN))];
  const empty = (v) => v !== null && typeof v === 'object' && !Object.values(v).some((x) => x !== null);
  return html`<${Section} name="plan" title=${t('plan')} aside=${'primary_unit' in plan ? t('plan.after_call') : ''}>
    <dl class="plan-grid">${keys.filter((key) => !empty(plan[key])).map((key) => html`<div key=${key} data-testid=${`plan-${key}`}>
      <dt>${word('plan', key)}</dt><dd>${(KNOWN[key] ?? plain)(plan[key], key)}</dd></div>`)}</dl></${Section}>`;
});
