// Everything that lives on the map, drawn on one canvas above the ground: names, sites, moving devices, incidents, and for
// the open incident its area, its witnesses and its route.
import { said, word } from '../i18n.js';
import { city, devices, hasEnded, incidents, isAcknowledged, now, rank, selected } from '../state.js';
import { deviceAt, hospitalAt, wayOf } from '../place.js';
import { movers } from '../tracks.js';
import { districts } from './ground.js';
import { drawDevice, drawIncident, drawMover, drawSite } from './glyphs.js';
import { Labels } from './labels.js';

const STALE_MS = 60_000;
const DEVICES_FROM = 13;
const SITE_NAMES_FROM = 12.5;
const SITES_FROM = 10.5;
const DOTS_BELOW = 10;
const QUIET = new Set(['drone_dock']); // shown from where devices are: the drones themselves are on the map

/** What the last picture showed: for tests and for the pointer. */
export const shown = { labels: [], marks: [] };

function polyline(pen, camera, positions) {
  pen.beginPath();
  positions.forEach(([lon, lat], i) => pen[i ? 'lineTo' : 'moveTo'](...camera.at(lon, lat)));
}

/** Rings of a GeoJSON geometry's polygons. */
function rings(geometry) {
  if (geometry?.type === 'Polygon') return geometry.coordinates;
  if (geometry?.type === 'MultiPolygon') return geometry.coordinates.flat(1);
  return geometry?.type === 'GeometryCollection' ? geometry.geometries.flatMap(rings) : [];
}

function area(pen, camera, c, incident, strong) {
  const all = rings(incident.area);
  if (!all.length) return;
  pen.beginPath();
  for (const ring of all) {
    ring.forEach(([lon, lat], i) => pen[i ? 'lineTo' : 'moveTo'](...camera.at(lon, lat)));
    pen.closePath();
  }
  pen.fillStyle = c[incident.level];
  pen.globalAlpha = strong ? 0.16 : 0.07;
  pen.fill();
  pen.globalAlpha = strong ? 0.9 : 0.4;
  pen.strokeStyle = c[incident.level];
  pen.lineWidth = 1.2;
  pen.stroke();
  pen.globalAlpha = 1;
}

const THERE_MS = 20_000;

/** Where a witness stood: a fixed device's place; a moving one only while it is still about where it saw it. */
function witnessAt(witness) {
  const mover = movers.get(`${witness.sensor_type}/${witness.device}`);
  if (!mover) return deviceAt(witness.sensor_type, witness.device);
  return Math.abs(Date.parse(mover.time) - Date.parse(witness.at)) < THERE_MS ? [mover.lon, mover.lat] : undefined;
}

function route(pen, camera, c, incident) {
  const { primary_unit: unit, hospital } = incident.plan ?? {};
  const line = wayOf(incident);
  const ambulance = unit && movers.get(`ambulance/${unit}`);
  if (line.length > 1) {
    pen.lineJoin = 'round';
    pen.lineCap = 'round';
    polyline(pen, camera, [...line, incident.position ?? line.at(-1)]);
    pen.strokeStyle = c.panel;
    pen.lineWidth = 7;
    pen.stroke();
    pen.strokeStyle = c.route;
    pen.lineWidth = 4;
    pen.stroke();
  }
  const to = hospital && hospitalAt(hospital);
  pen.setLineDash([5, 5]);
  pen.strokeStyle = c.route;
  pen.lineWidth = 1.6;
  if (ambulance && line.length) {
    polyline(pen, camera, [[ambulance.lon, ambulance.lat], line[0]]);
    if (line.length < 2) pen.stroke();
  }
  if (to && incident.position) {
    polyline(pen, camera, [incident.position, to]);
    pen.stroke();
  }
  pen.setLineDash([]);
}

function witnesses(pen, camera, c, labels, incident) {
  const [x, y] = camera.at(...incident.position);
  for (const witness of incident.evidence ?? []) {
    const at = witnessAt(witness);
    if (!at) continue;
    const [wx, wy] = camera.at(...at);
    if (Math.hypot(wx - x, wy - y) > 6) {
      pen.setLineDash([2, 3]);
      pen.strokeStyle = c.ink;
      pen.lineWidth = 1.1;
      pen.beginPath();
      pen.moveTo(wx, wy);
      pen.lineTo(x, y);
      pen.stroke();
      pen.setLineDash([]);
    }
    drawDevice(pen, c, wx, wy, 4);
    const name = `${word('modality', witness.modality)} ${witness.device}`;
    if (camera.zoom >= 12) labels.later.push([name, wx, wy, { size: 11, below: 7, colour: c.ink }]);
  }
}

/** Draw the picture of the moment. */
export function drawOverlay(pen, camera, c) {
  const { width, height, zoom } = camera;
  pen.clearRect(0, 0, width, height);
  const labels = new Labels(pen, camera, c);
  labels.later = [];
  shown.labels = [];
  shown.marks = [];
  const near = (x, y) => x > -20 && y > -20 && x < width + 20 && y < height + 20;

  const open = [...incidents.value.values()].filter((i) => (!hasEnded(i) || i.id === selected.value) && i.position);
  open.sort((a, b) => rank(b.level) - rank(a.level)); // the most urgent one is drawn last
  const chosen = open.find((i) => i.id === selected.value);
  for (const incident of open) area(pen, camera, c, incident, incident === chosen);
  for (const incident of open) {
    const [x, y] = camera.at(...incident.position);
    if (near(x, y)) labels.block(x, y, 13);
  }

  const { sites = [], ems } = city.value;
  const mark = (kind, item, x, y) => shown.marks.push({ kind, item, x, y });
  if (zoom >= DEVICES_FROM) {
    for (const device of devices.value.values()) {
      if (typeof device.lon !== 'number') continue;
      const [x, y] = camera.at(device.lon, device.lat);
      if (!near(x, y)) continue;
      drawDevice(pen, c, x, y);
      mark('device', device, x, y);
    }
  }
  if (zoom >= SITES_FROM) {
    const known = new Set(sites.map((s) => s.id));
    const hospitals = (ems?.hospitals ?? []).filter((h) => !known.has(h.id)).map((h) => ({ ...h, kind: 'hospital', at: hospitalAt(h.id) }));
    for (const site of [...sites.map((s) => ({ ...s, at: [s.lon, s.lat] })), ...hospitals]) {
      if (!site.at || (QUIET.has(site.kind) && zoom < DEVICES_FROM)) continue;
      const [x, y] = camera.at(...site.at);
      if (!near(x, y)) continue;
      drawSite(pen, c, site.kind, x, y);
      mark('site', site, x, y);
      if (zoom >= SITE_NAMES_FROM) labels.later.push([said(site.name), x, y, { size: 11, weight: 400, below: 8 }]);
    }
  }

  if (chosen) route(pen, camera, c, chosen);
  const scale = Math.max(0.7, Math.min(1.5, 0.8 + (zoom - 11) * 0.2));
  const called = new Set(open.flatMap(({ plan = {} }) => [plan.primary_unit, plan.first_responder, plan.aed]));
  for (const mover of movers.values()) {
    const [x, y] = camera.at(mover.lon, mover.lat);
    if (!near(x, y)) continue;
    if (zoom < DOTS_BELOW) drawDevice(pen, c, x, y, 1.3);
    else drawMover(pen, c, mover, x, y, {
      faded: now.value - Date.parse(mover.time) > STALE_MS, scale, called: called.has(mover.id) });
    mark('mover', mover, x, y);
  }
  for (const { properties: p } of districts()) {
    const name = said({ zh: p.name, en: p.name_en });
    const [x, y] = camera.at(...p.label);
    if (labels.write(name, x, y, { size: zoom < 9 ? 12 : 14, weight: 500, force: true })) shown.labels.push(name);
  }

  if (chosen) witnesses(pen, camera, c, labels, chosen);
  for (const incident of open) {
    const [x, y] = camera.at(...incident.position);
    if (!near(x, y)) continue;
    drawIncident(pen, c, incident, x, y, { acknowledged: isAcknowledged(incident), selected: incident === chosen });
    mark('incident', incident, x, y);
  }
  for (const [text, x, y, options] of labels.later) labels.write(text, x, y, options);
}

const REACH = { incident: 16, mover: 11, site: 10, device: 7 };

/** The mark under a pixel, incidents first; undefined when there is none. */
export function pick(px, py) {
  for (const kind of ['incident', 'mover', 'site', 'device']) {
    for (let i = shown.marks.length - 1; i >= 0; i -= 1) {
      const m = shown.marks[i];
      if (m.kind === kind && Math.hypot(m.x - px, m.y - py) <= REACH[kind]) return m;
    }
  }
  return undefined;
}
