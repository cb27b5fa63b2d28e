/** Memory for the entries of a turn, used again by the next: most turns are alike. */
import { clearEntries, type Entries, startEntries } from '../wire/messages.js';

const spare: Entries[] = [];
const mostSpare = 64;
const spareBytes = 4096;
/** What has grown beyond is not kept. */
const largest = 65_536;

export function takeEntries(): Entries {
  return spare.pop() ?? startEntries(spareBytes);
}

/** Nobody reads them any more. */
export function giveBack(entries: Entries): void {
  if (spare.length >= mostSpare || entries.page.bytes.length > largest) return;
  clearEntries(entries);
  spare.push(entries);
}
