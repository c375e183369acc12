// The detail of one incident: what is to be done first, who does it, then why we believe it, then every step of its log.
import { html, watched } from './lib.js';
import { clock, moment, number, said, span, t, word } from './i18n.js';
import { acknowledge, actionsOf, personName, select, tick } from './act.js';
import { byDepartment, department, hasEnded, incidents, isAcknowledged, isExercise, logs, selected, step, tab } from './state.js';
import { placeOf } from './place.js';
import { Age } from './queue.js';
import { Why } from './why.js';
import { Log } from './log.js';
import { Section, departmentName } from './part.js';
import { Plan } from './plan.js';
import { Icon, LevelMark } from './shapes.js';

const State = watched(({ incident }) => {
  const acknowledged = isAcknowledged(incident);
  const ended = hasEnded(incident);
  const word_ = ended ? incident.state : acknowledged ? 'acknowledged' : 'raised';
  return html`<div class="state-row" data-testid="detail-state" data-state=${word_}>
    <span class=${`state ${word_}`}>${acknowledged && !ended ? html`<${Icon} name="check" />` : ''}${word('state', word_)}</span>
    ${acknowledged ? html`<span class="by" data-testid="acknowledged-by">${t('detail.acknowledged', {
      by: personName(incident.acknowledged_by), at: incident.acknowledged_at ? clock(incident.acknowledged_at) : '' })}</span>` : ''}
    ${incident.assigned_to ? html`<span class="by">${t('detail.assigned', { to: departmentName(incident.assigned_to) })}</span>` : ''}
    ${!acknowledged && !ended ? html`<button class="primary" data-testid="acknowledge" onClick=${() => acknowledge(incident.id)}>
      ${t('acknowledge')}<kbd>A</kbd></button>` : ''}</div>`;
});

const Actions = watched(({ incident }) => {
  const actions = actionsOf(incident, logs.value.get(incident.id));
  const done = actions.filter((action) => action.tick).length;
  return html`<${Section} name="actions" title=${t('actions')} aside=${actions.length ? `${done}/${actions.length}` : ''}>
    ${actions.length ? html`<ol class="actions">${actions.map((action, i) => html`<li key=${action.zh} class=${action.tick ? 'done' : ''}>
      <button class="tick" role="checkbox" aria-checked=${Boolean(action.tick)} disabled=${Boolean(action.tick)}
          data-testid="action" onClick=${() => tick(incident.id, action)}>
        <i class="box">${action.tick ? html`<${Icon} name="check" />` : i + 1}</i>
        <span>${said(action)}${action.tick ? html`<small>${personName(action.tick.by)} ${clock(action.tick.at)}</small>` : ''}</span>
      </button></li>`)}</ol>` : html`<p class="none">${t('actions.none')}</p>`}</${Section}>`;
});

const Departments = watched(({ incident }) => {
  const { act = [], inform = [] } = incident.departments ?? {};
  const line = (kind, ids) => html`<div class="lane" data-testid=${`departments-${kind}`}>
    <span class="lane-name">${t(`departments.${kind}`)}</span>
    <span class="chips">${ids.length
      ? ids.map((id) => html`<span class=${`chip ${kind}`} key=${id} data-department=${id}>${departmentName(id)}</span>`)
      : html`<span class="none">${t('departments.none')}</span>`}</span></div>`;
  return html`<${Section} name="departments" title=${t('departments')}>${line('act', act)}${line('inform', inform)}</${Section}>`;
});

/** Seconds from the raise to the end. */
const lasted = (incident) => (Date.parse(incident.cleared_at ?? incident.updated_at) - Date.parse(incident.raised_at)) / 1000;

const Head = watched(({ incident }) => html`<header class=${`detail-head level-${incident.level}`}>
  <${LevelMark} level=${incident.level} large=${true} hollow=${isAcknowledged(incident)} />
  <div class="detail-title">
    <div class="kicker"><span>${word('scene', incident.scene)} · ${word('event', incident.event)}</span>
      <span class="certainty" data-testid="detail-certainty">${word('certainty', incident.certainty)}</span>
      ${isExercise(incident) ? html`<span class="drill" data-testid="detail-exercise" title=${t('exercise.title')}>${t('exercise')}</span>` : ''}
      ${incident.simulated ? html`<span class="sim" data-testid="detail-simulated">${t('simulated')}</span>` : ''}</div>
    <h2 data-testid="headline">${said(incident.headline) || word('event', incident.event)}</h2>
    <div class="meta"><span>${placeOf(incident)}</span><span title=${moment(incident.raised_at)}>
      ${t('detail.raised', { at: clock(incident.raised_at) })}</span>
      ${hasEnded(incident)
        ? html`<span>${t('detail.lasted', { span: span(lasted(incident)) })}</span>`
        : html`<span><${Age} incident=${incident} /></span>`}
      <span data-testid="detail-count">${t('detail.count', { n: number(incident.count) })}</span>
      ${incident.report_count > 1 ? html`<span>${t('detail.reports', { n: incident.report_count })}</span>` : ''}</div>
  </div>
  <button class="quiet icon-only" data-testid="detail-close" aria-label=${t('close')} title="Esc" onClick=${() => select(null)}>
    <${Icon} name="close" /></button></header>`);

/** The state after the chosen step: every step carries the whole of it. */
const asOf = (incident) => logs.value.get(incident.id)?.find((one) => one.seq === step.value) ?? incident;

const Body = watched(({ incident }) => html`<div class="detail-body" data-testid="detail-body">
  <${State} incident=${incident} /><${Actions} incident=${incident} /><${Departments} incident=${incident} />
  <${Plan} incident=${incident} /><${Why} incident=${asOf(incident)} /><${Log} incident=${incident} /></div>`);

const Overview = watched(() => html`<div class="overview-body"><h3>${t('overview')}</h3>
  ${byDepartment.value.length ? html`<ul data-testid="overview">${byDepartment.value.map(([id, levels]) => html`<li key=${id}>
    <button aria-pressed=${department.value === id} data-testid="overview-department" data-department=${id}
        onClick=${() => { department.value = department.value === id ? null : id; tab.value = 'open'; }}>
      <span>${departmentName(id)}</span>${['red', 'orange', 'yellow', 'blue'].map((level) => html`<span class="cell" key=${level}>
        ${levels[level] ? html`<${LevelMark} level=${level} /><b>${levels[level]}</b>` : ''}</span>`)}</button></li>`)}</ul>`
    : html`<p class="none" data-testid="overview-empty">${t('overview.none')}</p>`}</div>`);

export const Detail = watched(() => {
  const id = selected.value;
  const incident = id ? incidents.value.get(id) : null;
  if (!id) {
    return html`<aside class="detail overview" data-testid="detail-empty"><${Overview} /><footer><p>${t('detail.blank')}</p>
      <p class="hint"><kbd>J</kbd> <kbd>K</kbd> ${t('hint.move')} · <kbd>Enter</kbd> ${t('key.open')} ·${' '}
        <kbd>A</kbd> ${t('key.acknowledge')}</p></footer></aside>`;
  }
  if (!incident) {
    return html`<aside class="detail blank" data-testid="detail-missing"><p>${t('detail.missing')}</p><code>${id}</code>
      <button onClick=${() => select(null)}>${t('close')}</button></aside>`;
  }
  return html`<aside class="detail" data-testid="detail" data-id=${id} aria-label=${t('detail.title')}>
    <${Head} incident=${incident} /><${Body} key=${id} incident=${incident} /></aside>`;
});
