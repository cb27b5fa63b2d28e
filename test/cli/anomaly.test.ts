import test from 'ava';
import { eddy, folder } from '../helpers/cli.js';

/** Two streams that swing, one of which breaks once. */
function rows(from: number, to: number): string {
  const lines = Array.from({ length: to - from }, (_, i) => {
    const t = from + i;
    const value = Math.sin(t / 4) + 0.1 * Math.sin(t * t);
    return `left,${(t === 250 ? 9 : value).toFixed(4)}\nright,${(10 * value).toFixed(4)}`;
  });
  return `key,a\n${lines.join('\n')}\n`;
}

const learn = ['pipe', '--learn', '--format', 'csv', '--key', 'key', '--hidden', '8', '--anomaly', '6'];

test('a reading that breaks out is unusual, in its own stream alone', async t => {
  const { status, lines } = await eddy(t, rows(0, 300), ...learn);
  t.is(status, 0);
  t.false('surprise' in lines[0]);
  const unusual = lines.filter(line => line.unusual);
  t.true(unusual.length >= 1 && unusual.length <= 4, JSON.stringify(unusual));
  t.deepEqual([unusual[0].key, unusual[0].step], ['left', 251]);
  t.true(unusual[0].surprise > 6);
  t.deepEqual([...new Set(unusual.map(line => line.key))], ['left']);
});

test('without the option, no line says how surprising it was', async t => {
  const { lines } = await eddy(t, rows(0, 70), ...learn.slice(0, -2));
  t.false(lines.some(line => 'surprise' in line || 'unusual' in line));
});

test('what is usual goes on from a checkpoint', async t => {
  const at = folder(t);
  const whole = await eddy(t, rows(0, 260), ...learn);
  await eddy(t, rows(0, 200), ...learn, '--save', at('m'));
  const rest = await eddy(t, rows(200, 260), ...learn, '--save', at('m'), '--resume');
  t.deepEqual(rest.lines, whole.lines.slice(400));
});

test('text has no readings to be unusual', async t => {
  const { status, stderr } = await eddy(t, 'some text', 'pipe', '--learn', '--anomaly');
  t.is(status, 2);
  t.regex(stderr, /Expected rows with --anomaly, got text/);
});
