import { EddyError } from 'eddy';
import { defer, finalize, fromEvent, merge, type Observable, retry, timer } from 'rxjs';
import { LostError } from './server-events.js';

export type State =
  | { readonly kind: 'connecting' | 'live' }
  /** `until`: when it is tried again, `Infinity` for not before the person does something. `refused`: what was said instead. */
  | { readonly kind: 'gone'; readonly until: number; readonly refused: string | undefined };

export interface Status {
  /** What one stream of the page knows about the server. */
  report(stream: string, state: State): void;
  /** The stream has ended: what it said counts no more. */
  forget(stream: string): void;
}

/** Says in words how the server is: gone as soon as one stream of the page has lost it; of several, of the one that is tried next. */
export function createStatus(element: HTMLElement): Status {
  const states = new Map<string, State>();
  let said = '';

  const say = (kind: State['kind'] | 'quiet', text: string): void => {
    if (text === said) return;
    said = text;
    element.dataset.kind = kind;
    document.documentElement.dataset.server = kind;
    element.textContent = text;
  };
  const show = (): void => {
    const all = [...states.values()];
    const [gone] = all.filter(state => state.kind === 'gone').sort((a, b) => a.until - b.until);
    if (gone !== undefined) {
      const { until, refused } = gone;
      const seconds = Math.ceil((until - Date.now()) / 1000);
      const again = seconds > 0 ? `trying again in ${seconds} s` : 'trying again';
      const when = seconds === Infinity ? 'change or choose something to go on' : again;
      say('gone', `${refused === undefined ? 'The server is gone' : refused} – ${when}`);
    } else if (all.some(state => state.kind === 'connecting')) {
      say('connecting', 'Connecting…');
    } else if (all.length > 0) {
      say('live', 'Live');
    } else {
      say('quiet', 'Ready');
    }
  };
  setInterval(show, 250);
  return {
    report(stream, state) {
      states.set(stream, state);
      show();
    },
    forget(stream) {
      states.delete(stream);
      show();
    },
  };
}

const shortest = 500;
const longest = 8000;

/** Codes of errors, and of faults of the server, that the same data and settings bring about again. */
const lasting = new Set([
  'EDDY_CONFIG',
  'EDDY_INPUT',
  'EDDY_TARGET',
  'bad_config',
  'bad_input',
  'bad_target',
  'invalid',
]);
/** What a person does, once the page has done it. */
const deeds = ['click', 'input', 'drop'];

/**
 * Connects again whenever the connection is lost: at once, then later and later; `opened` is to be called when it stands. Where data or
 * settings are wrong, only when the person does something.
 */
export function staying<T>(
  status: Status,
  stream: string,
  connect: (opened: () => void) => Observable<T>,
): Observable<T> {
  let failures = 0;
  return defer(() => {
    if (failures === 0) status.report(stream, { kind: 'connecting' });
    return connect(() => {
      failures = 0;
      status.report(stream, { kind: 'live' });
    });
  }).pipe(
    retry({
      delay: (error: Error & { readonly fault?: string }) => {
        if (lasting.has(error.fault ?? (error instanceof EddyError ? error.code : ''))) {
          status.report(stream, { kind: 'gone', until: Infinity, refused: error.message });
          return merge(...deeds.map(deed => fromEvent(document, deed)));
        }
        const lost = error instanceof LostError || error.fault === 'closed';
        if (!lost && error.fault === undefined) console.error(error);
        const wait = Math.min(longest, shortest * 2 ** failures++);
        const refused = lost ? undefined : error.message;
        status.report(stream, { kind: 'gone', until: Date.now() + wait, refused });
        return timer(wait);
      },
    }),
    finalize(() => status.forget(stream)),
  );
}
