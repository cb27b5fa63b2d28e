import { BehaviorSubject } from 'rxjs';
import type { Status } from '../parts/status.js';
import { runHere } from '../run/here.js';
import type { Place, Runner } from '../run/runner.js';
import { runOnServer } from '../run/server.js';
import type { Page } from './page.js';

const about: Readonly<Record<Place, string>> = {
  server:
    'The networks run on the server of this page, each in a session of a WebSocket. What this page teaches is its own; it goes on after the server has ended and come back, if that saves its sessions, as with npm start. The network that Type teaches is the same for all who type, and begins anew with the server.',
  here: 'The networks run in this page, by the same operators and to the same bits as on the server. Nothing that you give them leaves it.',
};

/** Tabs, one page at a time, and the switch between *here* and *on the server*. */
export function startShell(pages: readonly Page[], status: Status): void {
  const find = (id: string): HTMLElement => document.getElementById(id)!;
  const make: Readonly<Record<Place, () => Runner>> = {
    here: runHere,
    server: () => runOnServer(status),
  };
  const kept: Partial<Record<Place, Runner>> = {};
  const runnerOf = (place: Place): Runner => {
    kept[place] ??= make[place]();
    return kept[place];
  };

  const runners = new BehaviorSubject<Runner>(runnerOf('server'));
  const choose = (place: Place): void => {
    find('about').textContent = about[place];
    document.documentElement.dataset.place = place;
    if (runners.value.place !== place) runners.next(runnerOf(place));
  };
  for (const input of document.querySelectorAll<HTMLInputElement>('input[name="place"]'))
    input.addEventListener('change', () => choose(input.value as Place));
  choose(document.querySelector<HTMLInputElement>('input[name="place"]:checked')?.value as Place);

  const tabs = pages.map(({ id, title }) => {
    const tab = document.createElement('a');
    tab.href = `#${id}`;
    tab.textContent = title;
    find('tabs').append(tab);
    return tab;
  });
  const focusHeading = (): void => {
    const heading = find('page').querySelector('h1');
    heading?.setAttribute('tabindex', '-1');
    heading?.focus({ preventScroll: true });
  };
  // What stands in the address names the page, and is not to change.
  find('skip').addEventListener('click', event => {
    event.preventDefault();
    focusHeading();
  });
  let leave = (): void => {};
  let shown: Page | undefined;
  const show = (): void => {
    const page = pages.find(({ id }) => `#${id}` === location.hash) ?? pages[0];
    if (page === shown) return;
    const first = shown === undefined;
    shown = page;
    leave();
    const root = document.createElement('div');
    root.id = page.id;
    root.className = 'page';
    find('page').replaceChildren(root);
    document.title = `eddy · ${page.title}`;
    pages.forEach(({ id }, i) => {
      if (id === page.id) tabs[i].setAttribute('aria-current', 'page');
      else tabs[i].removeAttribute('aria-current');
    });
    leave = page.start(root, { runners, status });
    if (first) return;
    scrollTo(0, 0);
    focusHeading();
  };
  // A file that no page takes would be shown instead of them.
  for (const name of ['dragover', 'drop'] as const)
    addEventListener(name, event => {
      if (event.defaultPrevented || !event.dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = 'none';
    });
  addEventListener('hashchange', show);
  show();
}
