// The bar at the top: time, liveness, how much is open, who sits here, which language.
import { html, watched } from './lib.js';
import { clock, day, lang, said, span, t } from './i18n.js';
import { openPanel, switchLanguage, switchTheme } from './act.js';
import { city, connection, counts, drills, now, officer, simulated, skew, theme } from './state.js';
import { Icon, LevelMark } from './shapes.js';

const Clock = watched(() => html`<div class="clock" data-testid="clock">
  <time class="clock-time">${clock(now.value)}</time><span class="clock-day">${day(now.value)}</span></div>`);

const Connection = watched(() => {
  const { state, heard } = connection.value;
  const age = heard ? span((now.value - skew.value - heard) / 1000) : '';
  return html`<span class=${`badge connection ${state}`} data-testid="connection" data-state=${state} role="status">
    <i class="dot"></i>${t(`connection.${state}`)}${state === 'lost' && age
      ? html`<b data-testid="stale-age">${t('connection.stale', { age })}</b>` : ''}</span>`;
});

const Counts = watched(() => html`<div class="counts" data-testid="counts" aria-label=${t('counts.label')}>
  ${['red', 'orange', 'yellow', 'blue'].map((level) => html`<span class=${`count${counts.value[level] ? '' : ' none'}`}
      key=${level} data-testid=${`count-${level}`} title=${t(`level.${level}`)}>
    <${LevelMark} level=${level} hollow=${!counts.value[level]} /><b>${counts.value[level]}</b></span>`)}
  <span class="count-unacknowledged" data-testid="count-unacknowledged">
    ${t('counts.unacknowledged', { n: counts.value.unacknowledged })}</span>
  ${drills.value ? html`<span class="drill" data-testid="count-exercise" title=${t('counts.exercise.title')}>
    ${t('counts.exercise', { n: drills.value })}</span>` : ''}</div>`);

export const TopBar = watched(() => html`<header class="top" data-testid="top">
  <h1><img src="icon.svg" alt="" width="24" height="24" />${t('title')}<small data-testid="city-name">${said(city.value.name)}</small></h1>
  <span class="badge live" data-testid="mode-badge">${t('mode.live')}</span>
  <${Connection} />
  ${simulated.value ? html`<span class="badge simulated" data-testid="simulated-badge" title=${t('simulated.title')}>
    ${t('simulated')}</span>` : ''}
  <${Counts} />
  <${Clock} />
  <button class="quiet" data-testid="officer" onClick=${() => openPanel({ kind: 'officer' })} title=${t('officer.title')}>
    <${Icon} name="officer" />${officer.value || t('officer.default')}</button>
  <button class="quiet icon-only" data-testid="theme" onClick=${switchTheme} aria-pressed=${theme.value === 'night'}
    aria-label=${t('theme')} title=${`${t('theme')} (N)`}><${Icon} name="night" /></button>
  <button class="quiet" data-testid="language" onClick=${switchLanguage} title=${`${t('language.title')} (L)`}
    lang=${lang.value === 'zh' ? 'en' : 'zh-CN'}>${t('language.other')}</button>
  <button class="quiet icon-only" data-testid="help" onClick=${() => openPanel({ kind: 'help' })} aria-label=${t('help.title')}
    title=${`${t('help.title')} (?)`}>?</button>
</header>`);
