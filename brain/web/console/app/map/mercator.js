// Web Mercator in the unit square, and what a flat, north-up camera does with it.

export const TILE = 512;
export const toX = (lon) => (lon + 180) / 360;
export const toY = (lat) => 0.5 - Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360)) / (2 * Math.PI);
const toLon = (x) => x * 360 - 180;
const toLat = (y) => (Math.atan(Math.exp((0.5 - y) * 2 * Math.PI)) * 360) / Math.PI - 90;

/** Where the map looks: centre in the unit square, zoom, size in CSS pixels. */
export class Camera {
  constructor() {
    Object.assign(this, { cx: toX(120.38), cy: toY(36.09), zoom: 10, width: 1, height: 1 });
  }

  get scale() {
    return TILE * 2 ** this.zoom;
  }

  /** Pixels of a position, from the upper left corner. */
  at(lon, lat) {
    return [(toX(lon) - this.cx) * this.scale + this.width / 2, (toY(lat) - this.cy) * this.scale + this.height / 2];
  }

  /** [lon, lat] at a pixel. */
  under(px, py) {
    return [toLon(this.cx + (px - this.width / 2) / this.scale), toLat(this.cy + (py - this.height / 2) / this.scale)];
  }

  /** Centre and zoom that show a box [west, south, east, north] with some pixels of room. */
  fitting([west, south, east, north], room) {
    const [x1, x2, y1, y2] = [toX(west), toX(east), toY(north), toY(south)];
    const wide = Math.max(60, this.width - 2 * room) / Math.max(1e-9, x2 - x1);
    const high = Math.max(60, this.height - 2 * room) / Math.max(1e-9, y2 - y1);
    const zoom = Math.min(14.5, Math.log2(Math.min(wide, high) / TILE));
    return { lon: toLon((x1 + x2) / 2), lat: toLat((y1 + y2) / 2), zoom };
  }
}

/** The box round positions, or null when there are none. @param {Iterable<[number, number]>} positions */
export function boxOf(positions) {
  let box = null;
  for (const [lon, lat] of positions) {
    if (!box) box = [lon, lat, lon, lat];
    else box = [Math.min(box[0], lon), Math.min(box[1], lat), Math.max(box[2], lon), Math.max(box[3], lat)];
  }
  return box;
}
