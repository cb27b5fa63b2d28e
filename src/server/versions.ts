/** Older versions of the served models: here as long as sessions need them. */
import type { Hub } from './hub.js';
import { evictResting, forgetResting } from './life.js';
import type { Served } from './served.js';

/** Versions of one name that sessions have which all rest; beyond, the oldest goes, and these with it. */
const mostAtRest = 8;

/**
 * Lets go of versions that are too many, and of those that no session has.
 *
 * @param owes what it was taught is not kept yet
 */
export function tidyVersions(hub: Hub, owes: (served: Served) => boolean): void {
  const { retired } = hub;
  for (const name of new Set(Array.from(retired, served => served.name))) {
    const atRest = [...retired].filter(one => one.name === name && one.sessions === 0 && one.resting > 0);
    for (const served of atRest.slice(0, -mostAtRest)) evictVersion(hub, served);
  }
  for (const served of retired) {
    if (served.sessions === 0 && served.resting === 0 && served.sharers === 0 && !owes(served)) retired.delete(served);
  }
}

function evictVersion(hub: Hub, served: Served): void {
  let sessions = 0;
  for (const resting of hub.register.resting()) {
    if (resting.served !== served || resting.waking !== undefined) continue;
    sessions++;
    evictResting(hub, resting.name, 'retired');
    forgetResting(hub, resting);
  }
  if (sessions === 0) return;
  const { name, hash } = served;
  hub.log.warn({ model: name, hash, sessions }, 'too many newer versions: sessions of this one evicted');
}
