import test from 'ava';
import { demoModule } from '../helpers/demo-modules.js';

test('of several streams that are gone, the words and the seconds of one are said: of the next to be tried', async t => {
  const { createStatus } = await demoModule('parts/status.ts');
  Object.assign(globalThis, { document: { documentElement: { dataset: {} } } });
  // It looks at the clock for as long as the page is there.
  const every = globalThis.setInterval;
  Object.assign(globalThis, { setInterval: (look: () => void, pause: number) => every(look, pause).unref() });
  const element = { dataset: {}, textContent: '' };
  const status = createStatus(element);
  const gone = (after: number, refused?: string) => ({ kind: 'gone', until: Date.now() + after, refused });
  status.report('sense', gone(Infinity, 'Expected another rate'));
  t.is(element.textContent, 'Expected another rate – change or choose something to go on');
  status.report('readings', gone(7900));
  t.is(element.textContent, 'The server is gone – trying again in 8 s');
  status.report('another', gone(60_000, 'The server is full'));
  t.is(element.textContent, 'The server is gone – trying again in 8 s');
  status.report('readings', { kind: 'live' });
  t.is(element.textContent, 'The server is full – trying again in 60 s');
  status.forget('another');
  t.is(element.textContent, 'Expected another rate – change or choose something to go on');
});
