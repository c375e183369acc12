// Rows as a table: the columns that hold anything, who and when first.
import { html } from '../lib.js';
import { moment, t, value } from '../i18n.js';

const FIRST = ['sensor_type', 'device', 'time', 'id', 'status', 'lon', 'lat', 'alt_m', 'height_m'];
const LEFT_OUT = new Set(['received_at', 'units']);
const MOST_ROWS = 20;

function cell(name, v) {
  if (v === null || v === undefined) return '';
  if (name === 'time') return html`<time title=${v}>${moment(v)}</time>`;
  if ((name === 'lon' || name === 'lat') && typeof v === 'number') return v.toFixed(6);
  return typeof v === 'object' ? JSON.stringify(v) : value(v);
}

/** @param {{rows: any[], testid?: string}} props */
export function Rows({ rows, testid = 'rows-table' }) {
  const used = new Set(rows.flatMap((row) => Object.keys(row).filter((key) => row[key] !== null && !LEFT_OUT.has(key))));
  const columns = [...FIRST.filter((name) => used.has(name)), ...[...used].filter((name) => !FIRST.includes(name))];
  return html`<div class="scroll-x" tabindex="0"><table class="list rows-table" data-testid=${testid}>
    <thead><tr>${columns.map((name) => html`<th key=${name}
      class=${rows.some((row) => typeof row[name] === 'number') ? 'right' : ''}><code>${name}</code></th>`)}</tr></thead>
    <tbody>${rows.slice(0, MOST_ROWS).map((row, i) => html`<tr key=${i} data-testid="row">${columns.map((name) => html`<td key=${name}
      class=${typeof row[name] === 'number' ? 'right' : ''} data-column=${name}>${cell(name, row[name])}</td>`)}</tr>`)}</tbody></table>
    ${rows.length > MOST_ROWS ? html`<p class="none">${t('rows.more', { n: rows.length - MOST_ROWS })}</p>` : ''}</div>`;
}
