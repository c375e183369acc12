// Reading the registry's sensor types, all of them: the page knows their names and units everywhere.
import { pages } from './api.js';
import { sensorTypes } from './state.js';

/** Load them again, as after one was registered. */
export async function loadSensorTypes() {
  const found = new Map();
  await pages('/sensor-types?limit=1000', (items) => {
    for (const type of items) found.set(type.id, type);
  });
  sensorTypes.value = found;
}
