// Starts the page: texts, city, live streams, then everything on screen by signals.
import { effect, html, render, watched } from './lib.js';
import { loadTexts, missing, t, zone } from './i18n.js';
import { get, pages } from './api.js';
import { select } from './act.js';
import { startKeys } from './keys.js';
import { eventNumber, startLive } from './live.js';
import { startTracks } from './tracks.js';
import { startUrl } from './url.js';
import { city, connection, counts, devices, incidents, renderer, scenes, selected, simulated, tracks, view } from './state.js';
import { loadGround } from './map/ground.js';
import { shown } from './map/overlay.js';
import { CityMap, pixelOf } from './map/map.js';
import { TopBar } from './top.js';
import { Queue } from './queue.js';
import { Detail } from './detail.js';
import { LedgerLine, Notice } from './ledger.js';
import { Panel } from './panels.js';
import { Rail } from './rail.js';
import { loadSensorTypes } from './sensor_types.js';
import { Access } from './views/access.js';
import { Backtest } from './views/backtest.js';
import { Catalogue } from './views/catalogue.js';
import { Quarantine } from './views/quarantine.js';

/** Rooms that lie above the map; the map stays as it is below them. */
const ROOMS = { access: Access, quarantine: Quarantine, catalogue: Catalogue, backtest: Backtest };

const Room = watched(() => {
  const Shown = ROOMS[view.value];
  return Shown ? html`<div class="room" data-testid=${`room-${view.value}`}><${Shown} /><${Panel} /></div>` : null;
});

const Page = watched(() => html`<div class=${`page ${connection.value.state}${selected.value ? ' with-detail' : ''}`} data-testid="page">
  <${TopBar} /><${Rail} />
  <main inert=${view.value !== 'map'}><${Queue} /><div class="middle"><${CityMap} />${view.value === 'map' ? html`<${Panel} />` : ''}</div><${Detail} /></main>
  <${Room} /><${LedgerLine} /><${Notice} /></div>`);

/** State for browser tests and for support. */
window.__brain = {
  get seq() { return tracks.peek().seq; },
  get tracks() { return tracks.peek().count; },
  get event() { return eventNumber(); },
  get mode() { return 'live'; },
  get connection() { return connection.peek().state; },
  get renderer() { return renderer.peek(); },
  get incidents() { return incidents.peek().size; },
  get simulated() { return simulated.peek(); },
  get labels() { return [...shown.labels]; },
  get marks() { return shown.marks.map(({ kind, item, x, y }) => ({ kind, id: item.id, x, y })); },
  get missing() { return [...missing]; },
  pixelOf,
};

async function loadCity() {
  const [document_, running] = await Promise.all([get('/city'), get('/scenes'), loadSensorTypes()]);
  scenes.value = running.items;
  city.value = document_;
  zone.value = document_.timezone || 'Asia/Shanghai';
  const found = new Map();
  await pages('/devices?limit=1000', (items) => {
    for (const device of items) found.set(`${device.sensor_type}/${device.id}`, device);
  });
  devices.value = found;
}

const CITY_EVERY_MS = 300_000;

/** Tries again until it works: a page opened while the platform starts must come up by itself. */
async function insist(what) {
  for (let wait = 500; ; wait = Math.min(wait * 2, 5000)) {
    try {
      return await what();
    } catch (error) {
      console.info('Trying again:', error.message);
      await new Promise((done) => { setTimeout(done, wait); });
    }
  }
}

await loadTexts();
startUrl();
startKeys();
await loadGround();
render(html`<${Page} />`, document.getElementById('page'));
startLive();
startTracks();
insist(loadCity);
setInterval(() => { loadCity().catch(() => {}); }, CITY_EVERY_MS); // devices come and go; a failed try is made again
effect(() => {
  const waiting = counts.value.unacknowledged;
  document.title = waiting ? `(${waiting}) ${t('title')}` : t('title');
});
if (selected.peek()) select(selected.peek());
