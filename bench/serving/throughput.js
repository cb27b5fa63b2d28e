import { start } from './child.js';

/** Answers a second of a server, and those of a second of its processor. */
export async function throughput(server, port, load, settings, { warm, measure }) {
  const asked = load.ask({ command: 'closedLoop', settings: { port, warm, measure, ...settings } }, 'result');
  await load.next('measuring');
  const before = await server.ask('usage', 'usage');
  await load.next('measured');
  const after = await server.ask('usage', 'usage');
  const { answers, busy } = await asked;
  const cpu = after.cpu - before.cpu;
  return { answers, busy, micros: (cpu * 1e6) / ((answers * measure) / 1000), serverBusy: cpu / (measure / 1000) };
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  // node bench/serving/throughput.js eddy 50 16 [rows] [resumable]
  const [peer, connections, window, rows = '1', resumable = ''] = process.argv.slice(2);
  const flags = process.env.PROF ? ['--cpu-prof', `--cpu-prof-dir=${process.env.PROF}`] : [];
  const server = start(`${peer}-server.js`, { flags });
  const load = start('generator.js', { core: 'load' });
  const port = await server.next('port');
  for (let i = 0; i < Number(process.env.ROUNDS ?? 3); i++) {
    const settings = {
      peer,
      connections: Number(connections),
      window: Number(window),
      rows: Number(rows),
      resumable: resumable === 'resumable',
    };
    const { answers, busy, micros, serverBusy } = await throughput(server, port, load, settings, {
      warm: Number(process.env.WARM ?? 500),
      measure: Number(process.env.MEASURE ?? 1500),
    });
    console.log(
      `${peer} ${connections} x ${window} x ${rows}: ${Math.round(answers)} answers/s, ${micros.toFixed(2)} µs of CPU each; busy: server ${serverBusy.toFixed(2)}, load ${busy.toFixed(2)}`,
    );
  }
  await load.stop();
  await server.stop();
}
