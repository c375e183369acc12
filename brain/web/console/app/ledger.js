// The line at the foot: what came in equals what was stored, doubled, or refused. And the bar for short messages.
import { html, watched } from './lib.js';
import { clock, number, t } from './i18n.js';
import { openPanel } from './act.js';
import { announcement, connection, health, ledger, notice } from './state.js';

export const LedgerLine = watched(() => {
  const total = ledger.value;
  const { received = 0, stored = 0, duplicate = 0, quarantined = 0 } = total ?? {};
  const adds = received === stored + duplicate + quarantined;
  const figure = (name, n) => html`<span class="figure"><span>${t(`ledger.${name}`)}</span><b data-testid=${`ledger-${name}`}>${number(n)}</b></span>`;
  const { rate_per_s: rate, lag_s: lag, at } = health.value ?? {};
  return html`<footer class=${`ledger ${connection.value.state}`} data-testid="ledger">
    <button class="ledger-title" data-testid="ledger-open" onClick=${() => openPanel({ kind: 'ledger' })}>${t('ledger')}</button>
    ${total ? html`${figure('received', received)}<i>=</i>${figure('stored', stored)}<i>+</i>${figure('duplicate', duplicate)}<i>+</i>
      <button class=${`figure link${quarantined ? ' some' : ''}`} data-testid="quarantine-open" onClick=${() => openPanel({ kind: 'quarantine' })}>
        <span>${t('ledger.quarantined')}</span><b data-testid="ledger-quarantined">${number(quarantined)}</b></button>
      <span class=${`balance ${adds ? 'good' : 'bad'}`} data-testid="ledger-balance" data-adds=${adds}>
        ${adds ? `✓ ${t('ledger.adds')}` : `✗ ${t('ledger.adds_not')}`}</span>
      <span class="spring"></span>
      <span class="figure"><span>${t('ledger.rate')}</span><b data-testid="ledger-rate">${rate === undefined || rate === null ? '–' : number(Math.round(rate * 10) / 10)}</b>${t('ledger.per_s')}</span>
      <span class="figure"><span>${t('ledger.lag')}</span><b>${lag === undefined || lag === null ? '–' : lag.toFixed(1)}</b>s</span>
      <time>${t('ledger.as_of', { at: at ? clock(at) : '–' })}</time>` : html`<span class="figure">${t('loading')}</span>`}
  </footer>`;
});

export const Notice = watched(() => html`<div class="notices">
  ${notice.value ? html`<div class=${`notice${notice.value.bad ? ' bad' : ''}`} role="status" data-testid="notice">${notice.value.text}</div>` : ''}
  <div class="hidden" aria-live="assertive" data-testid="announcement">${announcement.value}</div></div>`);
