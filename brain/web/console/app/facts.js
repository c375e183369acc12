// Conditions of a rule: the value found against the threshold in force, and whether it was met.
import { html } from './lib.js';
import { said, t, unit, value, word } from './i18n.js';
import { sensorTypes } from './state.js';

const OPS = { in: '∈', '>=': '≥', '<=': '≤', '==': '=', '!=': '≠' };

/** Name of a sensor type in the language of the moment. */
export const sensorTypeName = (id) => said(sensorTypes.value.get(id)?.name) || word('sensor_type', id);

/** Name of a quantity: the page's word, else the sensor type's label of that field, else the identifier. */
function quantity(sensorType, name) {
  const known = word('quantity', name);
  if (known !== name.replaceAll('_', ' ')) return known;
  return said(sensorTypes.value.get(sensorType)?.fields?.find((field) => field.name === name)?.label) || known;
}

/** A value or threshold as shown; a list of words may stand in a threshold. */
const measured = (v) => (typeof v === 'string'
  ? v.split(' ').map((part) => word('value', /^(True|False)$/.test(part) ? part.toLowerCase() : part)).join(' / ') : value(v));

const unitOf = (fact, v) => (v === null ? '' : html`<small>${unit(fact.unit)}</small>`);

/** @param {{sensorType: string, facts: any[]}} props */
export const Facts = ({ sensorType, facts }) => html`<table class="facts" data-testid="facts">
  <thead><tr><th>${t('facts.quantity')}</th><th class="right">${t('facts.value')}</th><th class="right">${t('facts.threshold')}</th>
    <th><span class="hidden">${t('facts.met')}</span></th></tr></thead>
  <tbody>${facts.map((fact, i) => html`<tr key=${i} class=${fact.met ? 'met' : 'unmet'} data-testid="fact" data-met=${fact.met}
      data-quantity=${fact.quantity}>
    <td>${quantity(sensorType, fact.quantity)}</td>
    <td class="right measured">${measured(fact.value)}${unitOf(fact, fact.value)}</td>
    <td class="right">${OPS[fact.op] ?? fact.op} ${measured(fact.threshold)}${unitOf(fact, fact.threshold)}</td>
    <td class="verdict" title=${t(fact.met ? 'facts.met' : 'facts.unmet')}>${fact.met ? '✓' : '✗'}</td></tr>`)}</tbody></table>`;
