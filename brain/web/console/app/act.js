// What a person can do: move, open, acknowledge, tick an action off, switch. Commands go out as POSTs; their effect comes
// back on the live stream, so every desk sees the same.
import { get, post } from './api.js';
import { lang, moment, said, t } from './i18n.js';
import { loadLog } from './live.js';
import { accept, acceptSteps, cursor, incidents, isAcknowledged, notice, officer, panel, rows, selected, step, theme } from './state.js';

let hiding = 0;

/** Show a short message at the foot of the page. */
export function tell(text, bad = false) {
  notice.value = { text, bad };
  clearTimeout(hiding);
  hiding = setTimeout(() => { notice.value = null; }, 6000);
}

/** Say what went wrong with a command. */
export function tellProblem(problem) {
  tell(problem.status === 0 ? t('error.offline') : `${t('error.refused')} ${said(problem.text)}`, true);
}

/** Open the detail of an incident and put the cursor on it. @param {string | null} id */
export function select(id) {
  if (id !== selected.peek()) step.value = null;
  selected.value = id;
  if (!id) return;
  cursor.value = id;
  loadLog(id).catch(tellProblem);
  if (!incidents.peek().has(id)) {
    get(`/incidents/${encodeURIComponent(id)}`).then((incident) => accept([incident])).catch(tellProblem);
  }
}

/** Move the cursor by some rows; an open detail follows. @param {number} by */
export function move(by) {
  const shown = rows.peek();
  if (!shown.length) return;
  const at = shown.findIndex((incident) => incident.id === cursor.peek());
  const next = at < 0 ? (by > 0 ? 0 : shown.length - 1) : Math.max(0, Math.min(shown.length - 1, at + by));
  cursor.value = shown[next].id;
  if (selected.peek()) select(shown[next].id);
}

const NOBODY = 'operator'; // what the platform writes where no name is given
const person = () => officer.peek().trim() || NOBODY;

/** A person's name as shown. @param {string | null | undefined} by */
export const personName = (by) => (by === NOBODY ? t('officer.default') : by ?? '');

const asking = new Set();

/** What a command means: the open incident, else the one under the cursor where the list shows it. */
const meant = () => selected.peek() ?? (rows.peek().some((incident) => incident.id === cursor.peek()) ? cursor.peek() : null);

/** Acknowledge once; a second one is told who was first. @param {string | null} [id] what is meant by default */
export async function acknowledge(id = meant()) {
  const incident = id ? incidents.peek().get(id) : null;
  if (!incident || asking.has(id)) return;
  if (isAcknowledged(incident)) {
    tell(t('ack.already', { by: personName(incident.acknowledged_by), at: moment(incident.acknowledged_at ?? incident.updated_at) }));
    return;
  }
  asking.add(id);
  try {
    const path = `/incidents/${encodeURIComponent(id)}`;
    const { log, first } = await post(`${path}/acknowledge`, { by: person() });
    acceptSteps(id, [log]);
    const newest = await get(path);
    accept([newest]);
    if (!first) tell(t('ack.already', { by: personName(newest.acknowledged_by), at: moment(newest.acknowledged_at) }));
  } catch (problem) {
    tellProblem(problem);
  } finally {
    asking.delete(id);
  }
}

const TICK = '✓ ';
const tickText = (action) => `${TICK}${action.zh} | ${action.en}`;

/** The actions of an incident, each with the step that ticked it off, if any. A tick is a comment: it stays in the log. */
export function actionsOf(incident, steps) {
  const { zh = [], en = [] } = incident.actions ?? {};
  return zh.map((text, i) => {
    const action = { zh: text, en: en[i] ?? text };
    const wanted = tickText(action);
    return { ...action, tick: (steps ?? []).find((step) => step.op === 'comment' && step.text === wanted) };
  });
}

/** Is this comment a tick? Its text in the language of the moment, else null. @param {any} step */
export function tickOf(step) {
  if (step.op !== 'comment' || !step.text?.startsWith(TICK)) return null;
  const [zh, en] = step.text.slice(TICK.length).split(' | ');
  return said({ zh, en });
}

/** Tick an action off, for all desks. */
export async function tick(id, action) {
  if (asking.has(id)) return;
  asking.add(id);
  try {
    const { log } = await post(`/incidents/${encodeURIComponent(id)}/comment`, { by: person(), text: tickText(action) });
    acceptSteps(id, [log]);
  } catch (problem) {
    tellProblem(problem);
  } finally {
    asking.delete(id);
  }
}

/** Add a note to the log. @returns {Promise<boolean>} true once it is kept */
export async function comment(id, text) {
  try {
    const { log } = await post(`/incidents/${encodeURIComponent(id)}/comment`, { by: person(), text });
    acceptSteps(id, [log]);
    return true;
  } catch (problem) {
    tellProblem(problem);
    return false;
  }
}

export const switchLanguage = () => { lang.value = lang.peek() === 'zh' ? 'en' : 'zh'; };
export const switchTheme = () => { theme.value = theme.peek() === 'day' ? 'night' : 'day'; };
export const openPanel = (next) => { panel.value = next; };
export const closePanel = () => { panel.value = null; };
