// A level is told by shape, number and colour together; the same paths serve the page and the map's canvas (20 x 20 box).
import { html } from './lib.js';
import { t } from './i18n.js';
import { rank } from './state.js';

export const LEVEL_PATHS = {
  red: 'M6 1h8l5 5v8l-5 5H6l-5-5V6z', // octagon
  orange: 'M10 1.2 19.4 18.4H.6z', // triangle
  yellow: 'M10 .6 19.4 10 10 19.4.6 10z', // diamond
  blue: 'M10 1.2a8.8 8.8 0 1 0 0 17.6 8.8 8.8 0 0 0 0-17.6z', // circle
};

/** Where the number sits in the shape, baseline. */
export const NUMBER_Y = { red: 14.2, orange: 16, yellow: 14.2, blue: 14.2 };

const MODALITY_PATHS = {
  meter: 'M3 15a7.5 7.5 0 1 1 14 0M10 13l4-5M10 13h.01',
  low_altitude: 'M10 10 4.5 5.5M10 10l5.5-4.5M10 10l-5.5 4.5M10 10l5.5 4.5M2 5.5h5M13 5.5h5M2 14.5h5M13 14.5h5',
  video: 'M2.5 6h10v8h-10zM12.5 9l5-3v8l-5-3',
  vehicle: 'M3 12h14v3H3zM5 12l1.5-5h7L15 12M6 15v1.5M14 15v1.5',
  service: 'M5 3.5h3l1.5 4-2 1.5a8 8 0 0 0 3.5 3.5l1.5-2 4 1.5v3c0 1-1 1.5-2 1.5C8 16.5 3.5 10 3.5 5.5c0-1 .5-2 1.5-2z',
};

/** The level's mark. `hollow` once it is acknowledged. */
export function LevelMark({ level, hollow, large }) {
  return html`<svg class=${`mark level-${level}${hollow ? ' hollow' : ''}${large ? ' large' : ''}`} viewBox="0 0 20 20"
      role="img" aria-label=${t(`level.${level}`)}>
    <path d=${LEVEL_PATHS[level] ?? LEVEL_PATHS.blue} />
    <text x="10" y=${NUMBER_Y[level] ?? 14} text-anchor="middle">${rank(level)}</text>
  </svg>`;
}

/** Line drawing of a kind of witness. */
export const ModalityIcon = ({ modality }) => html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
  <path d=${MODALITY_PATHS[modality] ?? MODALITY_PATHS.service} /></svg>`;

const ICONS = {
  close: 'M5 5l10 10M15 5 5 15',
  check: 'M4 10.5l4 4 8-9',
  plus: 'M10 4v12M4 10h12',
  minus: 'M4 10h12',
  whole: 'M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4',
  core: 'M10 3v3M10 14v3M3 10h3M14 10h3M10 7a3 3 0 1 0 0 6 3 3 0 0 0 0-6z',
  night: 'M15.5 12.5A6.5 6.5 0 0 1 8 4a6.5 6.5 0 1 0 7.5 8.5z',
  officer: 'M10 3.5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM4 16.5c.6-3.5 3-5 6-5s5.4 1.5 6 5',
  up: 'M5 12l5-5 5 5',
  map: 'M3 5l4.5-2 5 2L17 3v12l-4.5 2-5-2L3 17zM7.5 3v12M12.5 5v12',
  access: 'M7 3v4M13 3v4M5 7h10v3a5 5 0 0 1-10 0zM10 15v3',
  quarantine: 'M10 3l7.5 13.5h-15zM10 8v4M10 14.2v.1',
  catalogue: 'M4 3h9a3 3 0 0 1 3 3v11H7a3 3 0 0 1-3-3zM4 14a3 3 0 0 1 3-3h9M7.5 6.5h5',
  backtest: 'M4 10a6 6 0 1 0 2-4.5M4 3v3.5h3.5M10 6.5V10l2.5 2',
  search: 'M9 3.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM13 13l4 4',
  retry: 'M16 10a6 6 0 1 1-2-4.5M16 3v3.5h-3.5',
  why: 'M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15zM7.8 8a2.2 2.2 0 1 1 3.2 2c-.7.4-1 .8-1 1.5M10 14v.1',
  link: 'M8 6H4v10h10v-4M11 4h5v5M16 4l-7 7',
};

export const Icon = ({ name }) => html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d=${ICONS[name]} /></svg>`;
