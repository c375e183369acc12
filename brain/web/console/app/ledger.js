// The line at the foot: what came in equals what was stored, doubled, or refused. And the bar for short messages.
import { html, watched } from './lib.js';
import { clock, number, t } from './i18n.js';
import { openPanel } from './act.js';
import { goTo } from './rail.js';
import { announcement, connection, health, ledger, notice } from './state.js';

export const LedgerLine = watched(() => {
  const total = ledger.value;
  const { received = 0, stored = 0, duplicate = 0, quarantined = 0 } = total ?? {};
  const adds = received === stored + duplicate + quarantined;
  const drilled = health.value?.ledger?.exercise?.received ?? 0;
  const figure = (name, n, after = '') => html`<span class="figure"><span>${t(`ledger.${name}`)}</span>
    <b data-testid=${`ledger-${name}`}>${n}</b>${after}</span>`;
  const rounded = (n) => (typeof n === 'number' ? number(Math.round(n * 10) / 10) : '–');
  const { rate_per_s: rate, lag_s: lag, at } = health.value ?? {};
  return html`<footer class=${`ledger ${connection.value.state}`} data-testid="ledger">
    <button class="ledger-title" data-testid="ledger-open" onClick=${() => openPanel({ kind: 'ledger' })}>${t('ledger')}</button>
    ${total ? html`${figure('received', number(received))}<i>=</i>${figure('stored', number(stored))}<i>+</i>
      ${figure('duplicate', number(duplicate))}<i>+</i>
      <button class=${`figure link${quarantined ? ' some' : ''}`} data-testid="quarantine-open"
          onClick=${() => goTo('quarantine')}>${figure('quarantined', number(quarantined))}</button>
      <span class=${`balance ${adds ? 'good' : 'bad'}`} data-testid="ledger-balance" data-adds=${adds}>
        ${adds ? `✓ ${t('ledger.adds')}` : `✗ ${t('ledger.adds_not')}`}</span>
      ${drilled ? html`<span class="drill" title=${t('ledger.exercise.title')}>${t('exercise')} <b data-testid="ledger-exercise">${number(drilled)}</b></span>` : ''}
      <span class="spring"></span>
      ${figure('rate', rounded(rate), t('ledger.per_s'))}${figure('lag', rounded(lag), 's')}
      <time>${t('ledger.as_of', { at: at ? clock(at) : '–' })}</time>` : html`<span class="figure">${t('loading')}</span>`}
  </footer>`;
});

export const Notice = watched(() => html`<div class="notices">
  ${notice.value ? html`<div class=${`notice${notice.value.bad ? ' bad' : ''}`} role="status" data-testid="notice">
    ${notice.value.text}</div>` : ''}
  <div class="hidden" aria-live="assertive" data-testid="announcement">${announcement.value}</div></div>`);
