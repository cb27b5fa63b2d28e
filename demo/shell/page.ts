import type { Observable } from 'rxjs';
import type { Status } from '../parts/status.js';
import type { Runner } from '../run/runner.js';

/**
 * A page behind a tab.
 *
 * To add one: a folder with a module that exports a `Page`, and its name in the list of `pages.ts`. `start` builds the page in
 * an empty element, subscribes to `shared.runners`, and takes a new runner whenever there is one (`switchMap`):
 *
 *     export const echo: Page = {
 *       id: 'echo',
 *       title: 'Echo',
 *       start(root, { runners, status }) {
 *         const life = new Subscription();
 *         root.innerHTML = '<h1>…</h1><button>Say something</button><output></output>';
 *         const said = fromEvent(root.querySelector('button')!, 'click').pipe(map(() => 1));
 *         life.add(
 *           runners
 *             .pipe(switchMap(runner => staying(status, 'echo', opened => said.pipe(runner.step('echo', { opened })))))
 *             .subscribe(({ prediction }) => …),
 *         );
 *         return () => life.unsubscribe();
 *       },
 *     };
 *
 * Parts that outlive a subscription (charts, observers of sizes, listeners of the window) take `life` and end with it. The style
 * sheet of the folder is imported by the module; colours are the variables of `page.css`, so that light and dark follow.
 */
export interface Page {
  /** In the address, after the #, and the id of its root element. */
  readonly id: string;
  /** On the tab. */
  readonly title: string;
  /** @returns what ends the page: no session, timer or listener is left */
  readonly start: (root: HTMLElement, shared: Shared) => () => void;
}

/** What the pages share. */
export interface Shared {
  /** Where networks run from now on: the one that is chosen at once, and each one that is chosen later. */
  readonly runners: Observable<Runner>;
  /** Says in words how the server is. */
  readonly status: Status;
}
