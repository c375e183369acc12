// Where something is, in words: the site, zone, or named road it lies at, and its district.
import { city, devices } from './state.js';
import { lang, said } from './i18n.js';

const M_PER_DEG = 111_195;

/** Metres between two positions, near enough within a city. */
export function metres(lon1, lat1, lon2, lat2) {
  const x = (lon2 - lon1) * Math.cos(((lat1 + lat2) * Math.PI) / 360);
  return Math.hypot(x, lat2 - lat1) * M_PER_DEG;
}

/** Is a position inside a ring of [lon, lat]? */
export function inside(ring, lon, lat) {
  let odd = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i, i += 1) {
    const [x1, y1] = ring[i];
    const [x2, y2] = ring[j];
    if ((y1 > lat) !== (y2 > lat) && lon < ((x2 - x1) * (lat - y1)) / (y2 - y1) + x1) odd = !odd;
  }
  return odd;
}

/** The district a position lies in, or undefined. */
export const districtAt = (lon, lat) => (city.value.districts ?? []).find((d) => inside(d.polygon, lon, lat));

let indexed = null;
let nodes = new Map();

/** Position of a road node, [lon, lat], or undefined. @param {string} id */
export function node(id) {
  if (indexed !== city.value) {
    indexed = city.value;
    nodes = new Map((indexed.roads?.nodes ?? []).map((n) => [n.id, [n.lon, n.lat]]));
  }
  return nodes.get(id);
}

/** Positions of the way an incident's unit takes; none where its route is the name of a bus line. */
export function wayOf(incident) {
  const route = incident.plan?.route;
  return Array.isArray(route) ? route.map(node).filter(Boolean) : [];
}

function distanceToLink(link, lon, lat) {
  const a = node(link.from);
  const b = node(link.to);
  if (!a || !b) return Infinity;
  const k = Math.cos((lat * Math.PI) / 180);
  const [dx, dy] = [(b[0] - a[0]) * k, b[1] - a[1]];
  const [px, py] = [(lon - a[0]) * k, lat - a[1]];
  const along = Math.max(0, Math.min(1, (px * dx + py * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(px - along * dx, py - along * dy) * M_PER_DEG;
}

const NEAR_ROAD_M = 120;

function spot(lon, lat) {
  const { sites = [], zones = [], roads } = city.value;
  let best = null;
  let least = Infinity;
  for (const site of sites) {
    const away = metres(lon, lat, site.lon, site.lat);
    if (away <= (site.radius_m ?? 50) && away < least && said(site.name)) [best, least] = [site, away];
  }
  if (best) return said(best.name);
  const zone = zones.find((z) => z.kind !== 'coverage' && said(z.name) && z.polygon?.length && inside(z.polygon, lon, lat));
  if (zone) return said(zone.name);
  least = NEAR_ROAD_M;
  for (const link of roads?.links ?? []) {
    if (!said(link.name)) continue;
    const away = distanceToLink(link, lon, lat);
    if (away < least) [best, least] = [link, away];
  }
  return best ? said(best.name) : '';
}

const found = new Map();
let foundFor = [];

/** Place of an incident in the language of the moment; its first witness where it has no position. */
export function placeOf(incident) {
  const [lon, lat] = incident.position ?? [];
  if (typeof lon !== 'number') return incident.evidence?.[0]?.device ?? '';
  if (foundFor[0] !== city.value || foundFor[1] !== lang.value || found.size > 2000) {
    found.clear();
    foundFor = [city.value, lang.value];
  }
  const key = `${lon},${lat}`;
  if (!found.has(key)) {
    const parts = [said(districtAt(lon, lat)?.name), spot(lon, lat)].filter(Boolean);
    found.set(key, parts.join(' · ') || `${lon.toFixed(4)}, ${lat.toFixed(4)}`);
  }
  return found.get(key);
}

/** Name of a hospital of the city model, else its id. */
export function hospital(id) {
  const known = city.value.ems?.hospitals?.find((h) => h.id === id);
  return said(known?.name) || id;
}

/** Position of a hospital, [lon, lat], or undefined. */
export function hospitalAt(id) {
  const known = city.value.ems?.hospitals?.find((h) => h.id === id);
  if (!known) return undefined;
  return typeof known.lon === 'number' ? [known.lon, known.lat] : node(known.node);
}

/** Position of a fixed device, [lon, lat], or undefined. */
export function deviceAt(sensorType, id) {
  const known = devices.value.get(`${sensorType}/${id}`);
  return typeof known?.lon === 'number' ? [known.lon, known.lat] : undefined;
}
