// Everything the page knows, as signals. Modules that fetch write here; views and the map read here.
import { computed, signal } from './lib.js';

export const LEVELS = ['blue', 'yellow', 'orange', 'red'];
/** 1 for red (most urgent) to 4 for blue. @param {string} level */
export const rank = (level) => 4 - Math.max(0, LEVELS.indexOf(level));

/** Milliseconds since 1970 by the server's clock. */
export const now = signal(Date.now());
/** Server clock minus this machine's clock, ms. */
export const skew = signal(0);

/** @type {import('./lib.js').signal} The city document, empty until it has come. */
export const city = signal({});
export const sensorTypes = signal(new Map());
export const devices = signal(new Map());

/** id -> INCIDENT, the newest state of each. */
export const incidents = signal(new Map());
/** id -> array of LOG OBJECTs, only for incidents whose detail was opened. */
export const logs = signal(new Map());
/** `loading` until the first snapshot of incidents is here. */
export const loaded = signal(false);

/** state: connecting | live | lost; since: when it came to that; heard: when the server last spoke (this machine's clock). */
export const connection = signal({ state: 'connecting', since: Date.now(), heard: 0 });
/** {ledger: {total: {received, stored, duplicate, quarantined}, exercise: {the same of drills}}, rate_per_s, lag_s, at} or null. */
export const health = signal(null);
/** The ledger kept while nothing is heard. */
export const ledger = computed(() => health.value?.ledger?.total ?? null);

export const selected = signal(null); // incident whose detail is open
export const cursor = signal(null); // incident under the keyboard cursor of the queue
export const tab = signal('open'); // open | devices | ended
export const department = signal(null); // only incidents this department acts on
export const view = signal('map'); // map | access | quarantine | catalogue: the room of the console that is open
export const item = signal(null); // what is chosen in that room: a sensor type, a quarantine record ...
export const panel = signal(null); // {kind: 'raw' | 'ledger' | 'help' | 'officer' | 'whynot', ...}
export const step = signal(null); // seq of the earlier step whose state the detail shows; null: the newest
/** Scenes that run, with their parameters and sources. */
export const scenes = signal([]);
export const notice = signal(null); // short message at the foot of the page
export const announcement = signal(''); // for screen readers
export const officer = signal('');
export const theme = signal('day');

/** Moving devices: newest frame number, how many are known, are any simulated. */
export const tracks = signal({ seq: 0, count: 0, simulated: false });
export const renderer = signal('none');

const ENDED = new Set(['cleared', 'closed', 'cancelled', 'merged']);
export const hasEnded = (incident) => ENDED.has(incident.state) || incident.op === 'cancel';
/** Of a drill: it plays beside real incidents and must never be taken for one. */
export const isExercise = (incident) => incident.status === 'Exercise';
export const isDevice = (incident) => incident.scene === 'device_health';
export const isAcknowledged = (incident) => Boolean(incident.acknowledged_by || incident.acknowledged_at)
  || incident.state === 'acknowledged';
const isShelved = (incident) => Boolean(incident.shelved_until) && Date.parse(incident.shelved_until) > now.peek();

/** Unacknowledged first, then by level, then the newest; shelved ones last. */
function order(a, b) {
  const shelved = Number(isShelved(a)) - Number(isShelved(b));
  if (shelved) return shelved;
  const acknowledged = Number(isAcknowledged(a)) - Number(isAcknowledged(b));
  if (acknowledged) return acknowledged;
  const level = rank(a.level) - rank(b.level);
  if (level) return level;
  return a.raised_at < b.raised_at ? 1 : a.raised_at > b.raised_at ? -1 : a.id < b.id ? -1 : 1;
}

const lists = computed(() => {
  const out = { open: [], devices: [], ended: [] };
  for (const incident of incidents.value.values()) {
    if (hasEnded(incident)) out.ended.push(incident);
    else out[isDevice(incident) ? 'devices' : 'open'].push(incident);
  }
  out.open.sort(order);
  out.devices.sort(order);
  out.ended.sort((a, b) => (a.updated_at < b.updated_at ? 1 : -1));
  return out;
});

const actsOn = (id) => (incident) => incident.departments?.act?.includes(id);

/** Incidents of a tab, in the order shown. */
export const list = (name) => lists.value[name];
/** Incidents of the tab of the moment, of the chosen department where one is chosen. */
export const rows = computed(() => {
  const all = lists.value[tab.value];
  return department.value ? all.filter(actsOn(department.value)) : all;
});
/** Open incidents but those of drills: what figures count. */
const real = computed(() => lists.value.open.filter((incident) => !isExercise(incident)));
/** How many open incidents are part of a drill. */
export const drills = computed(() => lists.value.open.length - real.value.length);
/** [department, {red, orange, yellow, blue}] of all that have something open to act on, the most urgent first. */
export const byDepartment = computed(() => {
  const out = new Map();
  for (const incident of real.value) {
    for (const id of incident.departments?.act ?? []) {
      const levels = out.get(id) ?? { red: 0, orange: 0, yellow: 0, blue: 0 };
      levels[incident.level] += 1;
      out.set(id, levels);
    }
  }
  const weigh = (n) => ((n.red * 100 + n.orange) * 100 + n.yellow) * 100 + n.blue;
  return [...out].sort(([a, x], [b, y]) => weigh(y) - weigh(x) || (a < b ? -1 : 1));
});
/** Real open incidents per level. */
export const counts = computed(() => {
  const out = { red: 0, orange: 0, yellow: 0, blue: 0, unacknowledged: 0 };
  for (const incident of real.value) {
    out[incident.level] += 1;
    if (!isAcknowledged(incident)) out.unacknowledged += 1;
  }
  return out;
});

/** True when anything shown comes from a simulator. */
export const simulated = computed(() => {
  if (tracks.value.simulated) return true;
  for (const incident of incidents.value.values()) if (incident.simulated) return true;
  return false;
});

/**
 * Take newer states of incidents; an older one than known is left out, so snapshots and events may come in any order.
 * @param {any[]} items INCIDENTs
 * @returns {any[]} those that were news
 */
export function accept(items) {
  const next = new Map(incidents.peek());
  const news = [];
  for (const item of items) {
    const id = item.id ?? item.incident;
    const known = next.get(id);
    if (known && known.seq >= item.seq) continue;
    next.set(id, { ...item, id });
    news.push(next.get(id));
  }
  if (next.size > MOST_KEPT) forgetOldest(next);
  if (news.length) incidents.value = next;
  return news;
}

const MOST_KEPT = 2000; // a shift's worth; the API has them all

/** Drop the ended incidents that changed longest ago, down to half. */
function forgetOldest(all) {
  const ended = [...all.values()].filter((incident) => hasEnded(incident) && incident.id !== selected.peek());
  ended.sort((a, b) => (a.updated_at < b.updated_at ? -1 : 1));
  for (const { id } of ended.slice(0, Math.max(0, all.size - MOST_KEPT / 2))) all.delete(id);
}

/** Add steps to the log of an incident whose log is kept. */
export function acceptSteps(id, steps, start = false) {
  const known = logs.peek().get(id);
  if (!known && !start) return;
  const bySeq = new Map((known ?? []).map((step) => [step.seq, step]));
  for (const step of steps) bySeq.set(step.seq, step);
  const next = new Map(logs.peek());
  next.set(id, [...bySeq.values()].sort((a, b) => a.seq - b.seq));
  logs.value = next;
}
