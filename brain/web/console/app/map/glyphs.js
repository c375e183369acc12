// Small drawings on the map's canvas: one shape a kind, so that colour is left for what is abnormal.
import { LEVEL_PATHS, NUMBER_Y } from '../shapes.js';
import { rank } from '../state.js';

const LEVEL_SHAPES = Object.fromEntries(Object.entries(LEVEL_PATHS).map(([level, path]) => [level, new Path2D(path)]));

const VEHICLE = new Path2D('M0-6 4.2 5 0 2.8-4.2 5z'); // arrow head, north up
const BUS = new Path2D('M-3.2-5.5h6.4v11h-6.4z');
const AMBULANCE = new Path2D('M-6-6h12v12h-12z');
const CROSS = new Path2D('M-1.3-4.2h2.6v2.9h2.9v2.6h-2.9v2.9h-2.6v-2.9h-2.9v-2.6h2.9z');
const DRONE = new Path2D('M-5-5 5 5M5-5-5 5');
const ROTORS = [[-5, -5], [5, -5], [5, 5], [-5, 5]];

const GROUND_M = 3; // a drone below this height is parked

/**
 * Draw a moving device with its centre at x, y.
 * @param {{faded: boolean, scale: number, called: boolean}} how faded: not heard for long; called: an open plan counts on it
 */
export function drawMover(pen, c, mover, x, y, { faded, scale, called }) {
  pen.save();
  pen.translate(x, y);
  pen.scale(scale, scale);
  pen.globalAlpha = faded ? 0.35 : 1;
  if (mover.type === 'ambulance') {
    pen.fillStyle = c.panel;
    pen.strokeStyle = called ? c.route : c.mover;
    pen.lineWidth = called ? 2.2 : 1.3;
    pen.fill(AMBULANCE);
    pen.stroke(AMBULANCE);
    pen.fillStyle = called ? c.route : c.mover;
    pen.fill(CROSS);
  } else if (mover.type === 'drone' && !called && (mover.height === null || mover.height < GROUND_M)) {
    pen.globalAlpha *= 0.6;
    pen.scale(0.5, 0.5);
    pen.strokeStyle = c.mover;
    pen.lineWidth = 2.4;
    pen.stroke(DRONE);
  } else if (mover.type === 'drone') {
    pen.strokeStyle = called ? c.route : c.mover;
    pen.lineWidth = 1.4;
    pen.stroke(DRONE);
    pen.fillStyle = c.panel;
    for (const [dx, dy] of ROTORS) {
      pen.beginPath();
      pen.arc(dx, dy, 2.6, 0, 7);
      pen.fill();
      pen.stroke();
    }
  } else {
    const shape = mover.kind === 'bus' ? BUS : VEHICLE;
    if (mover.heading !== null) pen.rotate((mover.heading * Math.PI) / 180);
    pen.fillStyle = c.mover;
    pen.strokeStyle = c['mover-edge'];
    pen.lineWidth = 1.2;
    if (mover.heading === null) {
      pen.beginPath();
      pen.arc(0, 0, 3.4, 0, 7);
      pen.fill();
      pen.stroke();
    } else {
      pen.fill(shape);
      pen.stroke(shape);
    }
  }
  pen.restore();
}

const SITE_LETTERS = { hospital: 'H' };

/** Draw a site: a small square, hospitals with their letter. */
export function drawSite(pen, c, kind, x, y) {
  const letter = SITE_LETTERS[kind];
  const half = letter ? 6.5 : 3.5;
  pen.fillStyle = c.panel;
  pen.strokeStyle = c.site;
  pen.lineWidth = 1.3;
  pen.beginPath();
  pen.rect(x - half, y - half, 2 * half, 2 * half);
  pen.fill();
  pen.stroke();
  if (!letter) return;
  pen.fillStyle = c.site;
  pen.font = '700 10px sans-serif';
  pen.textAlign = 'center';
  pen.textBaseline = 'middle';
  pen.fillText(letter, x, y + 0.5);
}

/** Draw a fixed device: a dot. */
export function drawDevice(pen, c, x, y, size = 1.8) {
  pen.fillStyle = c.site;
  pen.beginPath();
  pen.arc(x, y, size, 0, 7);
  pen.fill();
}

/** Draw an incident: its level's shape and number; hollow once acknowledged, ringed when selected. */
export function drawIncident(pen, c, incident, x, y, { acknowledged, selected }) {
  const size = selected ? 28 : 22;
  if (selected) {
    pen.strokeStyle = c.focus;
    pen.lineWidth = 2;
    pen.beginPath();
    pen.arc(x, y, size * 0.78, 0, 7);
    pen.stroke();
  }
  pen.save();
  pen.translate(x - size / 2, y - size / 2);
  pen.scale(size / 20, size / 20);
  const shape = LEVEL_SHAPES[incident.level] ?? LEVEL_SHAPES.blue;
  const colour = c[incident.level] ?? c.blue;
  pen.lineJoin = 'round';
  pen.strokeStyle = c.panel;
  pen.lineWidth = 4;
  pen.stroke(shape);
  pen.fillStyle = acknowledged ? c.panel : colour;
  pen.fill(shape);
  pen.strokeStyle = colour;
  pen.lineWidth = acknowledged ? 2 : 1;
  pen.stroke(shape);
  pen.fillStyle = acknowledged ? c.ink : incident.level === 'yellow' ? '#1d2226' : '#fff';
  pen.font = '700 11px sans-serif';
  pen.textAlign = 'center';
  pen.textBaseline = 'alphabetic';
  pen.fillText(String(rank(incident.level)), 10, NUMBER_Y[incident.level] ?? 14);
  pen.restore();
}
