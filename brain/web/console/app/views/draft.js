// The draft of a sensor type: its document and samples, what the platform says to them, and registering it.
import { signal } from '../lib.js';
import { get, post } from '../api.js';
import { tellProblem } from '../act.js';
import { settled } from '../paged.js';
import { loadSensorTypes } from '../sensor_types.js';
import { sensorTypes } from '../state.js';

const PAUSE_MS = 400;
export const MOST_SAMPLES = 20;

/** {document, samples: [{topic, text, form: 'text' | 'hex'}]} */
export const draft = signal({ document: '', samples: [] });
/** What the dry run said: {answer, problem, of: indices of the samples it was given}; null before the first. */
export const trial = signal(null);
export const waiting = signal(false);
/** The last registration: {id, stores (the type its rows are of), version, before, counts, row}. */
export const arrival = signal(null);

const EXAMPLE = {
  document: 'examples/street-air.yaml',
  topic: 'air/A-17/up',
  message: () => JSON.stringify({ ts: Date.now(), pm25: 12.5, t: 215, st: 0, gps: { lng: 120.38, lat: 36.07 }, rssi: -71 }),
};

/** Bytes of a sample. @throws {RangeError} when hex is wanted and it is none */
export function bytesOf({ text, form }) {
  if (form !== 'hex') return new TextEncoder().encode(text);
  const digits = text.replace(/0x|[\s:,-]/gi, '');
  if (digits.length % 2 || /[^0-9a-f]/i.test(digits)) throw new RangeError('hex');
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function base64(bytes) {
  let text = '';
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}

export function isGood(sample) {
  try {
    bytesOf(sample);
    return true;
  } catch {
    return false;
  }
}

/** The samples that can be sent, and where each stands in the draft. */
function asked() {
  const of = [];
  const samples = [];
  draft.peek().samples.forEach((sample, i) => {
    if (!sample.text.trim() || !isGood(sample)) return;
    of.push(i);
    samples.push({ topic: sample.topic.trim(), payload_base64: base64(bytesOf(sample)) });
  });
  return { of, samples };
}

let turn = 0;
let wanted = false; // register as soon as the dry run that is on its way says yes

async function tryOut() {
  const mine = (turn += 1);
  const { document: text } = draft.peek();
  if (!text.trim()) {
    trial.value = null;
    waiting.value = false;
    return;
  }
  const { of, samples } = asked();
  waiting.value = true;
  try {
    const answer = await post('/sensor-types?dry_run=true', { document: text, samples });
    if (mine === turn) trial.value = { answer, of };
  } catch (problem) {
    if (mine === turn) trial.value = { problem, of };
  }
  if (mine !== turn) return;
  waiting.value = false;
  if (wanted) registerDraft();
}

const soon = settled(tryOut, PAUSE_MS);

/** Change the draft; it is tried out once nothing more is typed. */
export function change(part) {
  draft.value = { ...draft.peek(), ...part };
  arrival.value = null;
  waiting.value = true;
  wanted = false;
  turn += 1; // an answer to the older text no longer counts
  soon();
}

export function changeSample(i, part) {
  change({ samples: draft.peek().samples.map((sample, k) => (k === i ? { ...sample, ...part } : sample)) });
}

export const addSample = () => change({ samples: [...draft.peek().samples, { topic: '', text: '', form: 'text' }] });
export const dropSample = (i) => change({ samples: draft.peek().samples.filter((_, k) => k !== i) });
/** Fill the draft with a document that works and a message for it. */
export async function startExample() {
  const answer = await fetch(EXAMPLE.document);
  if (answer.ok) change({ document: await answer.text(), samples: [{ topic: EXAMPLE.topic, text: EXAMPLE.message(), form: 'text' }] });
}

export const startFrom = (text) => change({ document: text, samples: [{ topic: '', text: '', form: 'text' }] });

/** Lines of the document that an error names: line -> sentence. */
export function marks(errors) {
  const out = new Map();
  for (const sentence of errors ?? []) {
    const line = /^line (\d+)\b/.exec(sentence) ?? /, line (\d+), column/.exec(sentence);
    if (line) out.set(Number(line[1]), sentence);
  }
  return out;
}

const NOTHING = { received: 0, stored: 0, quarantined: 0 };
const ledger = async () => (await get('/statistics/ingest')).sensor_types;

/** Register the draft, then watch for what its devices say. */
export async function registerDraft() {
  const { document: text } = draft.peek();
  wanted = waiting.peek();
  if (wanted || !trial.peek()?.answer?.ok) return;
  waiting.value = true;
  try {
    const { samples } = asked();
    const counted = await ledger();
    const made = await post('/sensor-types', { document: text, samples });
    await loadSensorTypes();
    const stores = sensorTypes.peek().get(made.id)?.into ?? made.id;
    const before = counted[stores] ?? NOTHING;
    arrival.value = { ...made, stores, before, counts: before, row: null };
    watch();
  } catch (problem) {
    tellProblem(problem);
  } finally {
    waiting.value = false;
  }
}

const WATCH_MS = 1000;
let watching = 0;

/** The newest row by time of receipt of a sensor type. */
async function newestRow(sensorType) {
  const { items } = await get(`/observations/latest?sensor_type=${encodeURIComponent(sensorType)}&limit=1000`);
  return items.reduce((best, row) => (!best || row.received_at > best.received_at ? row : best), null);
}

function watch() {
  clearInterval(watching);
  watching = setInterval(async () => {
    const of = arrival.peek();
    if (!of) {
      clearInterval(watching);
      return;
    }
    try {
      const counts = (await ledger())[of.stores] ?? NOTHING;
      if (arrival.peek() !== of || counts.received === of.counts.received) return;
      const row = counts.stored > of.before.stored ? await newestRow(of.stores) : of.row;
      if (arrival.peek() === of) arrival.value = { ...of, counts, row };
    } catch { /* the connection badge says so; the next second tries again */ }
  }, WATCH_MS);
}
