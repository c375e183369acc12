// The ground drawn by MapLibre (WebGL). Only this file loads it, and only where WebGL 2 works.
import { Camera, toX, toY } from './mercator.js';
import { MAJOR, colours, districts, roads, shipped, zones } from './ground.js';

const width = (thin, thick) => ['interpolate', ['exponential', 1.5], ['zoom'], 8, thin, 12, thick, 16, thick * 5];

function layers(c) {
  return [
    { id: 'sea', type: 'background', paint: { 'background-color': c.sea } },
    { id: 'land', type: 'fill', source: 'land', paint: { 'fill-color': c.land } },
    { id: 'districts', type: 'fill', source: 'districts', paint: { 'fill-color': c.land } },
    { id: 'zones', type: 'fill', source: 'zones', minzoom: 10.5, paint: { 'fill-color': c.zone, 'fill-opacity': 0.35 } },
    { id: 'borders', type: 'line', source: 'districts', paint: { 'line-color': c.border, 'line-width': 1.1 } },
    { id: 'roads', type: 'line', source: 'roads', layout: { 'line-cap': 'round' },
      paint: { 'line-color': c.road, 'line-width': width(0.4, 1.3) } },
    { id: 'roads-major', type: 'line', source: 'roads', layout: { 'line-cap': 'round' },
      filter: ['in', ['get', 'class'], ['literal', MAJOR]], paint: { 'line-color': c['road-major'], 'line-width': width(0.7, 2.4) } },
    { id: 'zones-edge', type: 'line', source: 'zones', minzoom: 10.5,
      paint: { 'line-color': c.border, 'line-width': 1, 'line-dasharray': [3, 2] } },
  ];
}

const collection = (features) => ({ type: 'FeatureCollection', features });

export class MapLibreBase {
  /**
   * @param {HTMLElement} box
   * @param {() => void} onDraw called whenever the ground was drawn
   * @param {() => void} onFail called once when it cannot be drawn after all (its worker did not load, WebGL was lost)
   */
  static async make(box, onDraw, onFail) {
    const { Map: GlMap } = await import('../../vendor/maplibre-gl/maplibre-gl.mjs');
    const base = new MapLibreBase();
    base.camera = new Camera();
    const source = (data) => ({ type: 'geojson', data, tolerance: 0.1 });
    base.map = new GlMap({
      container: box,
      style: { version: 8, sources: { land: source(shipped.land), districts: source(collection(districts())),
        roads: source(roads()), zones: source(zones()) }, layers: layers(colours()) },
      center: [120.38, 36.09],
      zoom: 9,
      minZoom: 6,
      maxZoom: 18,
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      fadeDuration: 0,
      renderWorldCopies: false,
    });
    base.map.touchZoomRotate.disableRotation();
    base.map.keyboard.disableRotation();
    base.map.getCanvas().setAttribute('aria-hidden', 'true');
    base.map.getCanvas().tabIndex = -1;
    base.sync();
    const draw = () => {
      base.sync();
      onDraw();
    };
    base.map.on('render', draw);
    base.map.on('resize', draw);
    await new Promise((resolve, reject) => {
      const fail = ({ error }) => {
        reject(error ?? new Error('context lost'));
        if (base.ready && !base.gone) onFail();
      };
      base.map.on('error', fail);
      base.map.on('webglcontextlost', fail);
      base.map.once('style.load', resolve); // not `load`: that waits for every tile
    });
    base.ready = true;
    return base;
  }

  sync() {
    const { lng, lat } = this.map.getCenter();
    const { clientWidth, clientHeight } = this.map.getContainer();
    Object.assign(this.camera, { cx: toX(lng), cy: toY(lat), zoom: this.map.getZoom(), width: clientWidth, height: clientHeight });
  }

  /** The city model changed. */
  refresh() {
    this.map.getSource('districts').setData(collection(districts()));
    this.map.getSource('roads').setData(roads());
    this.map.getSource('zones').setData(zones());
  }

  /** The theme changed. */
  paint() {
    for (const { id, paint } of layers(colours())) {
      for (const [name, value] of Object.entries(paint)) this.map.setPaintProperty(id, name, value);
    }
  }

  go({ lon, lat, zoom }, smooth) {
    const to = { center: [lon, lat], zoom };
    if (smooth) this.map.easeTo({ ...to, duration: 500 });
    else this.map.jumpTo(to);
  }

  zoomBy(by) {
    this.map.easeTo({ zoom: this.map.getZoom() + by, duration: 200 });
  }

  remove() {
    this.gone = true;
    this.map.remove();
  }

  resize() {
    this.map.resize();
  }
}
