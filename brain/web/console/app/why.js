// Why the platform says so: the rule and its version, each witness with its values against the thresholds, its weight, its
// time, and a link to the stored message.
import { html, watched } from './lib.js';
import { clock, moment, said, t, unit, value, word } from './i18n.js';
import { rawPath } from './api.js';
import { openPanel } from './act.js';
import { sensorTypes } from './state.js';
import { Section } from './part.js';
import { Icon, ModalityIcon } from './shapes.js';

const OPS = { in: '∈', '>=': '≥', '<=': '≤', '==': '=', '!=': '≠' };
const HEAVIEST = 8; // log-odds; the platform's own bound

/** Name of a sensor type in the language of the moment. */
export const sensorTypeName = (id) => said(sensorTypes.value.get(id)?.name) || word('sensor_type', id);

/** Name of a quantity: the page's word, else the sensor type's label of that field, else the identifier. */
function quantity(sensorType, name) {
  const known = word('quantity', name);
  if (known !== name.replaceAll('_', ' ')) return known;
  return said(sensorTypes.value.get(sensorType)?.fields?.find((field) => field.name === name)?.label) || known;
}

/** A value or threshold as shown; a list of words may stand in a threshold. */
const measured = (v) => (typeof v === 'string' ? v.split(' ').map((part) => word('value', part)).join(' / ') : value(v));

const unitOf = (fact, v) => (v === null ? '' : html`<small>${unit(fact.unit)}</small>`);

const Facts = ({ witness }) => html`<table class="facts" data-testid="facts">
  <thead><tr><th>${t('facts.quantity')}</th><th class="right">${t('facts.value')}</th><th class="right">${t('facts.threshold')}</th>
    <th><span class="hidden">${t('facts.met')}</span></th></tr></thead>
  <tbody>${witness.facts.map((fact, i) => html`<tr key=${i} class=${fact.met ? 'met' : 'unmet'} data-testid="fact"
      data-quantity=${fact.quantity}>
    <td>${quantity(witness.sensor_type, fact.quantity)}</td>
    <td class="right measured">${measured(fact.value)}${unitOf(fact, fact.value)}</td>
    <td class="right">${OPS[fact.op] ?? fact.op} ${measured(fact.threshold)}${unitOf(fact, fact.threshold)}</td>
    <td class="verdict" title=${t(fact.met ? 'facts.met' : 'facts.unmet')}>${fact.met ? '✓' : '✗'}</td></tr>`)}</tbody></table>`;

const Witness = watched(({ witness, incident }) => {
  const path = rawPath(witness);
  const share = Math.min(1, Math.abs(witness.weight) / HEAVIEST);
  return html`<li class=${`witness${witness.holds === false ? ' over' : ''}`} data-testid="witness" data-modality=${witness.modality}
      data-device=${witness.device}>
    <div class="witness-head"><${ModalityIcon} modality=${witness.modality} />
      <b data-testid="witness-modality">${word('modality', witness.modality)}</b>
      <span>${sensorTypeName(witness.sensor_type)} <code>${witness.device}</code></span>
      <time title=${moment(witness.at)}>${clock(witness.at)}</time></div>
    <p>${said(witness.summary)}</p>
    ${witness.facts?.length ? html`<${Facts} witness=${witness} />` : ''}
    <div class="witness-foot">
      <span class="weight" title=${t('weight.title')}>${t('weight')}
        <meter class=${witness.weight < 0 ? 'against' : ''} min="0" max="1" value=${share}>${value(witness.weight)}</meter>
        <b>${witness.weight > 0 ? '+' : ''}${value(witness.weight)}</b></span>
      ${witness.rule ? html`<code class="rule">${witness.rule}</code>` : ''}
      ${witness.holds === false ? html`<span class="over-note">${t('witness.over')}</span>` : ''}
      <a href=${path} data-testid="raw-link" onClick=${(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        openPanel({ kind: 'raw', path, witness, simulated: incident.simulated });
      }}><${Icon} name="link" />${t('raw.link')}</a></div></li>`;
});

export const Why = watched(({ incident }) => {
  const { rule = {}, evidence = [] } = incident;
  const modalities = new Set(evidence.filter((w) => w.holds !== false).map((w) => w.modality));
  return html`<${Section} name="why" title=${t('why')} aside=${t('why.witnesses', { n: evidence.length, m: modalities.size })}>
    <p class="rule-line" data-testid="rule">${t('why.rule')} <b>${word('scene', rule.scene ?? incident.scene)}</b>
      <code data-testid="rule-version">${t('why.version', { v: rule.version ?? '–' })}</code>
      ${rule.parameters ? html`<span>${t('why.parameters')} <code>${said(rule.parameters)}</code></span>` : ''}
      <span>${t('why.certainty')} <b>${word('certainty', incident.certainty)}</b></span></p>
    <ul class="witnesses">${evidence.map((witness) => html`<${Witness} key=${`${witness.sensor_type}/${witness.device}/${witness.rule}`}
      witness=${witness} incident=${incident} />`)}</ul></${Section}>`;
});
