// Two languages, one set of keys. Texts of the platform come as {zh, en}; texts of the page from texts/zh.json, texts/en.json.
import { signal } from './lib.js';

export const LANGUAGES = ['zh', 'en'];
/** @type {Record<string, Record<string, string>>} */
const texts = {};
/** Keys asked for and not found; a test wants it empty. @type {Set<string>} */
export const missing = new Set();
export const lang = signal('zh');
export const zone = signal('Asia/Shanghai');

/** Load both languages once, so that switching needs no network. */
export async function loadTexts() {
  await Promise.all(LANGUAGES.map(async (code) => {
    const answer = await fetch(`texts/${code}.json`);
    if (!answer.ok) throw new Error(`texts/${code}.json: ${answer.status}`);
    texts[code] = await answer.json();
  }));
}

/**
 * The page's text of a key in the language of the moment; `{name}` in it is replaced by `values.name`.
 * @param {string} key
 * @param {Record<string, any>} [values]
 */
export function t(key, values) {
  const text = texts[lang.value]?.[key];
  if (text === undefined) {
    missing.add(`${lang.value}:${key}`);
    return key;
  }
  return values ? text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? '')) : text;
}

/**
 * A word of an open list (a scene, an event, a reason): its text where the page knows one, else the word itself, readable.
 * @param {string} group
 * @param {string | null | undefined} word
 */
export function word(group, word) {
  if (!word) return '';
  const text = texts[lang.value]?.[`${group}.${word}`];
  return text ?? word.replaceAll('_', ' ');
}

/** A text of the platform in the language of the moment, in the other one where this is missing. */
export function said(text) {
  if (!text) return '';
  if (typeof text === 'string') return text;
  return text[lang.value] || text.zh || text.en || '';
}

const formats = new Map();
function format(options) {
  const key = `${lang.value}|${zone.value}|${JSON.stringify(options)}`;
  let found = formats.get(key);
  if (!found) {
    const locale = lang.value === 'zh' ? 'zh-CN' : 'en-GB';
    found = new Intl.DateTimeFormat(locale, { timeZone: zone.value, hourCycle: 'h23', ...options });
    formats.set(key, found);
  }
  return found;
}

const CLOCK = { hour: '2-digit', minute: '2-digit', second: '2-digit' };

/** 14:03:07 in the city's zone. @param {string | number} at */
export const clock = (at) => format(CLOCK).format(new Date(at));

/** The date with weekday in the city's zone. @param {string | number} at */
export const day = (at) => format({ year: 'numeric', month: 'short', day: 'numeric', weekday: 'short' }).format(new Date(at));

/** Date and time in the city's zone. @param {string | number} at */
export const moment = (at) => format({ year: 'numeric', month: '2-digit', day: '2-digit', ...CLOCK }).format(new Date(at));

/** Seconds as m:ss, h:mm:ss, or days. @param {number} seconds */
export function span(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, '0');
  if (s >= 172800) return t('age.days', { n: Math.floor(s / 86400) });
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return `${minutes}:${two(s % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(s % 60)}`;
}

/** 12,345 */
export const number = (n) => (typeof n === 'number' && Number.isFinite(n) ? n.toLocaleString('en-US') : '–');

/** A measured value, at most four figures after the point (five in all where it is below one): no counter loses a figure. */
export function value(v) {
  if (v === null || v === undefined) return '–';
  if (typeof v === 'number') return String(Number(Math.abs(v) < 1 ? v.toPrecision(5) : v.toFixed(4)));
  if (typeof v === 'boolean') return t(v ? 'yes' : 'no');
  return String(v);
}

const UNITS = { Cel: '°C', 'm3/h': 'm³/h', m3: 'm³', m2: 'm²', '[ppm]': 'ppm', deg: '°', '1': '', 'ug/m3': 'µg/m³', 'mm/h': 'mm/h' };

/** A UCUM code as people write it. @param {string | null | undefined} ucum */
export const unit = (ucum) => (ucum ? UNITS[ucum] ?? ucum.replace(/[[\]]/g, '') : '');
