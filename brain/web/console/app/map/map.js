// The map in the middle: the ground by MapLibre or canvas, the overlay above it, buttons, legend, attribution.
import { Component, effect, html, watched } from '../lib.js';
import { lang, t } from '../i18n.js';
import { select } from '../act.js';
import { city, devices, incidents, loaded, renderer, selected, theme, tracks, view } from '../state.js';
import { hospitalAt, wayOf } from '../place.js';
import { Icon } from '../shapes.js';
import { picked, picking, startWhyNot } from '../whynot.js';
import { boxOf } from './mercator.js';
import { colours, districts } from './ground.js';
import { Attribution, Legend, Tip, pointed } from './notes.js';
import { drawOverlay, pick } from './overlay.js';

function hasWebGl() {
  if (new URLSearchParams(location.search).get('renderer') === 'canvas') return false;
  return Boolean(document.createElement('canvas').getContext('webgl2'));
}

/** The ground by MapLibre where that works, else on a plain canvas. @param {() => void} onFail it worked no longer */
async function makeBase(box, onDraw, onFail) {
  if (onFail && hasWebGl()) {
    try {
      const { MapLibreBase } = await import('./base_maplibre.js');
      const base = await MapLibreBase.make(box, onDraw, onFail);
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
    this.base = await makeBase(this.box, () => this.draw(), () => this.fallBack());
    new ResizeObserver(() => this.size()).observe(this.box);
    this.size();
    this.fit(coreBox, false);
    effect(() => {
      if (!city.value.name) return;
      this.base.refresh();
      if (!this.fitted) this.fit(coreBox, false); // a reloaded city must not move the officer's view
      this.fitted = true;
    });
    effect(() => {
      if (!theme.value) return;
      this.colours = colours();
      this.base.paint();
      this.later();
    });
    effect(() => {
      if (view.value !== 'map') return; // another room lies above: nothing to see
      if ([incidents.value, tracks.value, devices.value, lang.value, selected.value]) this.later();
    });
    effect(() => this.goTo(selected.value));
  }

  /** The same view on a plain canvas. */
  async fallBack() {
    const { cx, cy, zoom } = this.base.camera;
    this.base.remove();
    this.box.replaceChildren();
    this.base = await makeBase(this.box, () => this.draw());
    Object.assign(this.base.camera, { cx, cy, zoom });
    this.size();
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
    const { hospital } = incident.plan ?? {};
    const positions = [incident.position, ...wayOf(incident)];
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
    const { mark, lon, lat } = pointed.peek() ?? {};
    if (picking.peek()) {
      picked(lon, lat);
      return;
    }
    if (mark?.kind === 'incident') select(mark.item.id);
  }

  render() {
    return html`<div class="ground-box" data-testid="map-box" onPointerMove=${(event) => this.point(event)}
        onPointerLeave=${() => { pointed.value = null; }} onPointerDown=${(event) => { this.down = [event.clientX, event.clientY]; }}
        onClick=${(event) => this.press(event)}>
      <div class="ground-frame" ref=${(element) => { this.box = element ?? this.box; }}></div>
      <canvas class="overlay" data-testid="map" aria-hidden="true"
        ref=${(element) => { this.canvas = element ?? this.canvas; }}></canvas></div>`;
  }
}

const BUTTONS = [
  ['in', 'plus', () => ground?.base?.zoomBy(1)],
  ['out', 'minus', () => ground?.base?.zoomBy(-1)],
  ['core', 'core', () => ground?.fit(coreBox)],
  ['whole', 'whole', () => ground?.fit(wholeBox)],
  ['whynot', 'why', startWhyNot],
];

/** The map with everything on it. */
export const CityMap = watched(() => html`<section class="map" data-testid="map-section" aria-label=${t('map.title')}
    data-renderer=${renderer.value} data-picking=${picking.value}>
  <${Ground} />
  <${Tip} />
  <div class="map-buttons">${BUTTONS.map(([name, icon, run]) => html`<button key=${name} data-testid=${`map-${name}`}
    aria-label=${t(`map.${name}`)} title=${t(`map.${name}`)}
    aria-pressed=${name === 'whynot' ? picking.value : null} onClick=${run}><${Icon} name=${icon} /></button>`)}
  </div><${Legend} /><${Attribution} /></section>`);

/** Pixels of a position within the map, for tests. */
export const pixelOf = (lon, lat) => ground?.base?.camera.at(lon, lat) ?? null;
