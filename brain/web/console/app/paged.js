// Lists that the server pages, and single documents: what has come so far, never an answer to an older question.
import { signal } from './lib.js';
import { get } from './api.js';

/** A list: `state.value` is {items, cursor, error, busy}; items are null until the first page is here. */
export function paged() {
  const state = signal({ items: null, cursor: null, error: null, busy: false });
  let path = '';
  let turn = 0;

  async function ask(address, before) {
    const mine = (turn += 1);
    state.value = { ...state.peek(), busy: true };
    try {
      const { items, next_cursor: cursor } = await get(address);
      if (mine === turn) state.value = { items: [...before, ...items], cursor, error: null, busy: false };
    } catch (error) {
      if (mine === turn) state.value = { ...state.peek(), error, busy: false };
    }
  }

  return {
    state,
    /** Begin anew. @param {string} wanted path with at least one query parameter */
    load(wanted) {
      path = wanted;
      return ask(path, []);
    },
    more() {
      const { cursor, items } = state.peek();
      return cursor ? ask(`${path}&cursor=${encodeURIComponent(cursor)}`, items) : undefined;
    },
    again: () => ask(path, []),
  };
}

/** One document: `state.value` is {data, error}; both null while nothing is here. */
export function single() {
  const state = signal({ data: null, error: null });
  let turn = 0;
  return {
    state,
    /** @param {() => Promise<any>} read @param {boolean} [keep] show the old one until the new one is here */
    async load(read, keep = false) {
      const mine = (turn += 1);
      if (!keep) state.value = { data: null, error: null };
      try {
        const data = await read();
        if (mine === turn) state.value = { data, error: null };
      } catch (error) {
        if (mine === turn) state.value = { data: keep ? state.peek().data : null, error };
      }
    },
    clear() {
      turn += 1;
      state.value = { data: null, error: null };
    },
  };
}

/** The value once it has not changed for a while. @param {(value: any) => void} run @param {number} ms */
export function settled(run, ms) {
  let timer = 0;
  return (value) => {
    clearTimeout(timer);
    timer = setTimeout(() => run(value), ms);
  };
}
