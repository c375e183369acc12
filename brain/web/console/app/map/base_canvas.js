// The same ground on a plain canvas, for machines without WebGL.
import { Camera, toX, toY } from './mercator.js';
import { MAJOR, colours, districts, roads, shipped, zones } from './ground.js';

const rings = (geometry) => (geometry.type === 'Polygon' ? geometry.coordinates : geometry.coordinates.flat(1));

/** Outlines in the unit square as one path. */
function outline(features) {
  const path = new Path2D();
  for (const { geometry } of features) {
    const lines = geometry.type === 'LineString' ? [geometry.coordinates] : rings(geometry);
    for (const line of lines) {
      // Kept relative to a place near the city: a canvas has single precision, too coarse for the whole unit square.
      line.forEach(([lon, lat], i) => path[i ? 'lineTo' : 'moveTo']((toX(lon) - 0.834) * 1e6, (toY(lat) - 0.392) * 1e6));
    }
  }
  return path;
}

export class CanvasBase {
  /** @param {HTMLElement} box @param {() => void} onDraw called whenever the ground was drawn */
  static async make(box, onDraw) {
    const base = new CanvasBase();
    base.onDraw = onDraw;
    base.camera = new Camera();
    base.canvas = box.appendChild(document.createElement('canvas'));
    base.canvas.className = 'ground';
    base.listen(box);
    base.refresh();
    base.resize();
    return base;
  }

  refresh() {
    const all = roads().features;
    this.paths = {
      land: outline(shipped.land.features),
      districts: outline(districts()),
      zones: outline(zones().features),
      roads: outline(all),
      major: outline(all.filter((f) => MAJOR.includes(f.properties.class))),
    };
    this.paint();
  }

  paint() {
    this.colours = colours();
    this.draw();
  }

  resize() {
    const { clientWidth, clientHeight } = this.canvas.parentElement;
    const dpr = devicePixelRatio || 1;
    Object.assign(this.camera, { width: clientWidth, height: clientHeight });
    this.canvas.width = clientWidth * dpr;
    this.canvas.height = clientHeight * dpr;
    this.draw();
  }

  draw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.drawNow();
      this.onDraw();
    });
  }

  drawNow() {
    const { camera, colours: c, paths } = this;
    const pen = this.canvas.getContext('2d');
    const dpr = devicePixelRatio || 1;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.fillStyle = c.sea;
    pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
    const k = (camera.scale / 1e6) * dpr;
    pen.setTransform(k, 0, 0, k, ((0.834 - camera.cx) * camera.scale + camera.width / 2) * dpr,
      ((0.392 - camera.cy) * camera.scale + camera.height / 2) * dpr);
    const line = (path, colour, width) => {
      pen.strokeStyle = colour;
      pen.lineWidth = (width * dpr) / k;
      pen.stroke(path);
    };
    pen.fillStyle = c.land;
    pen.fill(paths.land);
    pen.fill(paths.districts);
    line(paths.districts, c.border, 1.1);
    const grow = Math.max(0.4, 1.5 ** (camera.zoom - 12));
    line(paths.roads, c.road, 1.3 * grow);
    line(paths.major, c['road-major'], 2.4 * grow);
    if (camera.zoom >= 10.5) line(paths.zones, c.border, 1);
  }

  listen(box) {
    let from = null;
    box.addEventListener('pointerdown', (event) => {
      from = [event.clientX, event.clientY];
      box.setPointerCapture(event.pointerId);
    });
    box.addEventListener('pointermove', (event) => {
      if (!from) return;
      this.camera.cx -= (event.clientX - from[0]) / this.camera.scale;
      this.camera.cy -= (event.clientY - from[1]) / this.camera.scale;
      from = [event.clientX, event.clientY];
      this.draw();
    });
    for (const end of ['pointerup', 'pointercancel']) box.addEventListener(end, () => { from = null; });
    box.addEventListener('wheel', (event) => {
      event.preventDefault();
      const frame = box.getBoundingClientRect();
      this.zoomAt(-event.deltaY / 300, event.clientX - frame.left, event.clientY - frame.top);
    }, { passive: false });
  }

  zoomAt(by, px, py) {
    const { camera } = this;
    const [dx, dy] = [px - camera.width / 2, py - camera.height / 2];
    const [x, y] = [camera.cx + dx / camera.scale, camera.cy + dy / camera.scale];
    camera.zoom = Math.max(6, Math.min(18, camera.zoom + by));
    camera.cx = x - dx / camera.scale;
    camera.cy = y - dy / camera.scale;
    this.draw();
  }

  zoomBy(by) {
    this.zoomAt(by, this.camera.width / 2, this.camera.height / 2);
  }

  go({ lon, lat, zoom }) {
    Object.assign(this.camera, { cx: toX(lon), cy: toY(lat), zoom });
    this.draw();
  }
}
