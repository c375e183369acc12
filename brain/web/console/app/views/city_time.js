// Times as a person types them: in the city's zone, whatever the zone of this machine.
import { zone } from '../i18n.js';

/** Milliseconds that the city's clock is ahead of UTC at an instant. @param {number} at */
function ahead(at) {
  const parts = new Intl.DateTimeFormat('en-GB', { timeZone: zone.peek(), hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit',
    hour: '2-digit', minute: '2-digit', second: '2-digit' }).formatToParts(new Date(at));
  const of = Object.fromEntries(parts.map(({ type, value }) => [type, Number(value)]));
  return Date.UTC(of.year, of.month - 1, of.day, of.hour, of.minute, of.second) - Math.floor(at / 1000) * 1000;
}

/** For a field of type datetime-local: 2026-05-01T08:00:00 in the city. @param {number} at milliseconds */
export const typed = (at) => new Date(at + ahead(at)).toISOString().slice(0, 19);

/** What such a field means, RFC 3339 in UTC; null where it is empty or no time. @param {string} text */
export function instant(text) {
  const local = Date.parse(`${text.length === 16 ? `${text}:00` : text}Z`);
  if (!text || Number.isNaN(local)) return null;
  const near = local - ahead(local);
  return new Date(local - ahead(near)).toISOString();
}
