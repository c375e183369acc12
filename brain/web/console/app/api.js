// HTTP calls. Errors of the platform are RFC 9457 problem documents: their `detail` says how to mend it.
const BASE = '/api/v1';

/** An answer that is not 2xx, or no answer at all (status 0). */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {string} title
   * @param {{zh?: string, en?: string}} [text] what is wrong and how to mend it
   * @param {{path: string, detail: string}[]} [errors] for wrong input
   */
  constructor(status, title, text, errors = []) {
    super(text?.en || title);
    this.status = status;
    this.errors = errors;
    this.text = { zh: text?.zh || text?.en || title, en: text?.en || title };
  }
}

async function call(path, options) {
  let answer;
  try {
    answer = await fetch(BASE + path, { headers: { Accept: 'application/json' }, ...options });
  } catch (error) {
    throw new Problem(0, String(error));
  }
  const body = await answer.json().catch(() => null);
  if (!answer.ok) {
    throw new Problem(answer.status, body?.title ?? answer.statusText, { zh: body?.detail_zh, en: body?.detail }, body?.errors);
  }
  return body;
}

export const get = (path) => call(path);

export const post = (path, body) => call(path, {
  method: 'POST',
  headers: { Accept: 'application/json', 'Content-Type': 'application/json' },
  body: JSON.stringify(body),
});

export const remove = (path) => call(path, { method: 'DELETE', headers: { Accept: 'application/json' } });

/** Hand in the bytes of a message. @param {string} topic @param {BodyInit} bytes */
export const handIn = (topic, bytes) => call(`/messages/${topic.split('/').map(encodeURIComponent).join('/')}`, {
  method: 'POST', headers: { Accept: 'application/json', 'Content-Type': 'application/octet-stream' }, body: bytes,
});

/**
 * All items of a paged list, page after page.
 * @param {string} path with at least one query parameter
 * @param {(items: any[]) => void} take called for each page
 */
export async function pages(path, take) {
  let cursor = null;
  do {
    const page = await get(cursor ? `${path}&cursor=${encodeURIComponent(cursor)}` : path);
    take(page.items);
    cursor = page.next_cursor;
  } while (cursor);
}

const ONE_MS = /\.(\d{1,9})(?=Z$)/;

/** A time one millisecond later, its microseconds kept. @param {string} at RFC 3339 in UTC */
export function oneMsLater(at) {
  const digits = ((ONE_MS.exec(at)?.[1] ?? '') + '000000').slice(0, 6);
  const later = new Date(Date.parse(at) + 1).toISOString(); // milliseconds
  return later.replace('Z', `${digits.slice(3)}Z`);
}

/** Where the stored rows of a witness are read. @param {any} witness an evidence object of the log */
export function rawPath(witness) {
  const { from = witness.at, to = witness.at } = witness.window ?? {};
  const query = new URLSearchParams({ sensor_type: witness.sensor_type, device: witness.device, start: from, end: oneMsLater(to) });
  return `${BASE}/observations?${query}`;
}
