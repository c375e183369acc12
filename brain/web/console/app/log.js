// Every step of an incident, oldest first; there is nothing here that changes or deletes one.
import { html, watched } from './lib.js';
import { clock, moment, t, word } from './i18n.js';
import { comment, personName, tickOf } from './act.js';
import { logs, step as chosen } from './state.js';
import { Section, departmentName } from './part.js';

/** What changed in a step against the one before, in words. */
function change(step, before) {
  const parts = [];
  const tell = (was, is) => {
    if (!before) parts.push(is);
    else if (was !== is) parts.push(`${was} → ${is}`);
  };
  tell(before && t(`level.${before.level}`), t(`level.${step.level}`));
  tell(word('certainty', before?.certainty), word('certainty', step.certainty));
  const more = (step.evidence?.length ?? 0) - (before?.evidence?.length ?? 0);
  if (before && more > 0) parts.push(t('log.witnesses', { n: more }));
  return parts.join(' · ');
}

const PEOPLE = new Set(['acknowledge', 'assign', 'comment', 'escalate', 'shelve', 'close']);

const Step = watched(({ step, before }) => {
  const human = PEOPLE.has(step.op);
  const ticked = tickOf(step);
  const text = ticked ?? step.text ?? '';
  const at = chosen.value === step.seq;
  return html`<li class=${`step ${step.op}${human ? ' human' : ''}${at ? ' chosen' : ''}`} data-testid="log-step" data-op=${step.op} data-seq=${step.seq}>
    <time title=${moment(step.at)}>${clock(step.at)}</time>
    <button class="link" data-testid="log-choose" aria-pressed=${at} title=${t('log.choose')}
      onClick=${() => { chosen.value = at ? null : step.seq; }}>${ticked === null ? word('op', step.op) : t('log.ticked')}</button>
    <span>${human ? personName(step.by) : change(step, before)}
      ${step.department ? html` → ${departmentName(step.department)}` : ''}
      ${text ? html`<q>${text}</q>` : ''}
      ${!human && step.reason ? html`<small>${word('reason', step.reason)}</small>` : ''}</span></li>`;
});

async function send(event, id) {
  event.preventDefault();
  const form = event.currentTarget;
  const text = form.elements.note.value.trim();
  if (text && await comment(id, text)) form.reset();
}

export const Log = watched(({ incident }) => {
  const steps = logs.value.get(incident.id);
  return html`<${Section} name="log" title=${t('log')} aside=${steps ? t('log.steps', { n: steps.length }) : ''}>
    ${steps ? html`<ol class="log" data-testid="log">${steps.map((step, i) => html`<${Step} key=${step.seq} step=${step}
      before=${steps[i - 1]} />`)}</ol>`
      : html`<p class="none">${t('loading')}</p>`}
    <form class="note" onSubmit=${(event) => send(event, incident.id)}>
      <input name="note" maxlength="500" autocomplete="off" data-testid="note"
        placeholder=${t('note.placeholder')} aria-label=${t('note.placeholder')} />
      <button data-testid="note-send">${t('note.send')}</button></form></${Section}>`;
});
