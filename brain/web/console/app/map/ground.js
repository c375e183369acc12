// What the ground is made of: land, districts, zones and roads as GeoJSON, and the colours of the theme of the moment.
import { city } from '../state.js';
import { node } from '../place.js';

const EMPTY = { type: 'FeatureCollection', features: [] };
/** Land and district outlines shipped with the page (demo data). */
export const shipped = { land: EMPTY, districts: EMPTY };

/** Fetch the shipped outlines once; without them the map shows the city model alone. */
export async function loadGround() {
  await Promise.all(['land', 'districts'].map(async (name) => {
    const answer = await fetch(`geo/${name}.geojson`);
    if (answer.ok) shipped[name] = await answer.json();
  }));
}

const polygon = (properties, ring) => ({
  type: 'Feature', properties, geometry: { type: 'Polygon', coordinates: [ring] },
});

/** The middle of the largest ring, near enough for a label. */
function middle(ring) {
  let [area, x, y] = [0, 0, 0];
  for (let i = 0; i + 1 < ring.length; i += 1) {
    const cross = ring[i][0] * ring[i + 1][1] - ring[i + 1][0] * ring[i][1];
    area += cross;
    x += (ring[i][0] + ring[i + 1][0]) * cross;
    y += (ring[i][1] + ring[i + 1][1]) * cross;
  }
  return area ? [x / (3 * area), y / (3 * area)] : ring[0];
}

/** Districts as features with `name`, `name_en`, `label`: the city model's, with the shipped outline of the same name. */
export function districts() {
  const own = city.value.districts ?? [];
  if (!own.length) return shipped.districts.features;
  const byName = new Map(shipped.districts.features.map((f) => [f.properties.name, f]));
  return own.map((d) => byName.get(d.name?.zh)
    ?? polygon({ name: d.name?.zh, name_en: d.name?.en, label: middle(d.polygon) }, d.polygon));
}

/** Roads as lines with their class. */
export function roads() {
  const seen = new Set();
  const features = [];
  for (const link of city.value.roads?.links ?? []) {
    const ends = [node(link.from), node(link.to)];
    const key = [link.from, link.to].sort().join('\n'); // both directions are one line on the map
    if (!ends[0] || !ends[1] || seen.has(key)) continue;
    seen.add(key);
    features.push({ type: 'Feature', properties: { class: link.class }, geometry: { type: 'LineString', coordinates: ends } });
  }
  return { type: 'FeatureCollection', features };
}

/** Zones as polygons with their kind. */
export const zones = () => ({
  type: 'FeatureCollection',
  features: (city.value.zones ?? []).filter((z) => z.polygon?.length > 2 && z.kind !== 'coverage')
    .map((z) => polygon({ kind: z.kind }, [...z.polygon, z.polygon[0]])),
});

export const MAJOR = ['expressway', 'motorway', 'trunk', 'arterial', 'primary'];

const NAMES = ['sea', 'land', 'border', 'road', 'road-major', 'zone', 'label', 'label-halo', 'ink', 'ink-2', 'panel',
  'mover', 'mover-edge', 'red', 'orange', 'yellow', 'blue', 'route', 'site', 'focus'];

/** Colours of the theme of the moment, by name. */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}
