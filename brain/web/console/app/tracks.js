// Moving devices over a WebSocket: columns in, one table by name kept. Newest wins, so a missed frame costs nothing.
import { tracks } from './state.js';

/**
 * @typedef {{key: string, id: string, type: string, lon: number, lat: number, heading: number | null, height: number | null,
 *   time: string, simulated: boolean}} Mover
 */
/** @type {Map<string, Mover>} */
export const movers = new Map();

const RETRY_MS = [500, 1000, 2000, 4000];
let failures = 0;
let simulated = false;
let socket = null;

function take(frame) {
  for (let i = 0; i < frame.id.length; i += 1) {
    const key = `${frame.sensor_type[i]}/${frame.id[i]}`;
    movers.set(key, {
      key,
      id: frame.id[i],
      type: frame.sensor_type[i],
      lon: frame.lon[i],
      lat: frame.lat[i],
      heading: frame.heading_deg?.[i] ?? null,
      height: frame.height_m?.[i] ?? null,
      time: frame.time[i],
      simulated: Boolean(frame.simulated?.[i]),
    });
    simulated ||= Boolean(frame.simulated?.[i]);
  }
  tracks.value = { seq: frame.seq, count: movers.size, simulated };
}

/** Keep the stream open for the life of the page. */
export function startTracks() {
  const address = new URL('/api/v1/live/tracks', location.href);
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  socket = new WebSocket(address);
  socket.addEventListener('message', (message) => {
    failures = 0;
    const frame = JSON.parse(message.data);
    if (frame.type === 'frame') take(frame);
  });
  socket.addEventListener('close', () => {
    setTimeout(startTracks, RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]);
    failures += 1;
  });
}
window.addEventListener('offline', () => socket?.close());
