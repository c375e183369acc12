// The live stream of incidents and health (server-sent events). Nothing is lost over a cut: the number of the last event
// goes with every new try, the server sends what came after it, or `reset` when it no longer can.
import { get, pages } from './api.js';
import { accept, acceptSteps, announcement, connection, health, incidents, isExercise, loaded, now, rank, selected, skew } from './state.js';
import { said, t, word } from './i18n.js';

const SILENCE_MS = 12_000; // health comes every 5 s; after two missed ones the connection counts as lost
const RETRY_MS = [500, 1000, 2000, 4000];

let source = null;
let lastEvent = null;
let failures = 0;
let timer = 0;

/** Number of the last event seen, for the page's test hook. */
export const eventNumber = () => lastEvent;

function become(state) {
  const before = connection.peek();
  if (before.state !== state) connection.value = { ...before, state, since: Date.now() };
}

function heard() {
  failures = 0;
  connection.value = { ...connection.peek(), state: 'live', heard: Date.now() };
}

async function snapshot() {
  await pages('/incidents?state=open&limit=500', accept);
  accept((await get('/incidents?limit=200')).items);
  loaded.value = true;
}

function onIncident(message) {
  heard();
  lastEvent = message.lastEventId || lastEvent;
  const { log, incident } = JSON.parse(message.data);
  acceptSteps(log.incident, [log]);
  for (const item of accept([incident])) {
    if (log.op === 'raise' && rank(item.level) <= 2) {
      announcement.value = `${isExercise(item) ? `${t('exercise')} ` : ''}${t(`level.${item.level}`)} ${word('event', item.event)} ${said(item.headline)}`;
    }
  }
}

const skews = [];

/** The first health event may have lain on the server for a while, so a large difference needs a second one. */
function clockSkew(ms) {
  skews.push(ms);
  if (skews.length > 3) skews.shift();
  if (skews.length > 1 || Math.abs(ms) < 3000) skew.value = Math.max(...skews);
}

function onHealth(message) {
  heard();
  lastEvent = message.lastEventId || lastEvent; // health has no number of its own: this is the newest one before it
  health.value = JSON.parse(message.data);
  clockSkew(Date.parse(health.value.at) - Date.now());
}

function retry() {
  source?.close();
  source = null;
  become('lost');
  clearTimeout(timer);
  timer = setTimeout(open, RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]);
  failures += 1;
}

async function resync() {
  try {
    await snapshot();
    if (selected.peek()) await loadLog(selected.peek());
  } catch {
    retry();
  }
}

function open() {
  source?.close();
  source = new EventSource(lastEvent === null ? '/api/v1/live' : `/api/v1/live?after=${encodeURIComponent(lastEvent)}`);
  source.addEventListener('open', () => {
    heard();
    // After the stream is open, so that nothing falls between the two; again while no number is known to resume from.
    if (!loaded.peek() || lastEvent === null) resync();
  });
  source.addEventListener('incident', onIncident);
  source.addEventListener('health', onHealth);
  source.addEventListener('reset', (message) => {
    lastEvent = message.lastEventId || null;
    incidents.value = new Map(); // the server no longer knows what we know
    resync();
  });
  source.addEventListener('error', retry);
}

/** Load or refresh the log of an incident. @param {string} id */
export async function loadLog(id) {
  const { items } = await get(`/incidents/${encodeURIComponent(id)}/log`);
  acceptSteps(id, items, true);
}

/** Start the stream and the clock, for the life of the page. */
export function startLive() {
  open();
  window.addEventListener('offline', retry);
  window.addEventListener('online', open);
  setInterval(() => {
    now.value = Date.now() + skew.peek();
    const { state, heard: last } = connection.peek();
    if (state === 'live' && Date.now() - last > SILENCE_MS) retry();
  }, 1000);
}
