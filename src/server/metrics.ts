/** `GET /metrics`: what the server counts, as Prometheus reads it. Base units, and no session among the labels. */
import type { Histogram } from './counts.js';
import type { Hub } from './hub.js';

export const metricsType = 'text/plain; version=0.0.4; charset=utf-8';

/** Said once: a clock that is set must not look like a restart. */
const started = Math.round(Date.now() / 1000 - process.uptime());

type Kind = 'counter' | 'gauge';
type Labels = Readonly<Record<string, string>>;

/** All metrics as of now. */
export function metricsText(hub: Hub): string {
  const { counts, histograms, connections } = hub;
  const parts: string[] = [];

  const rows = (kind: Kind, name: string, help: string, values: Iterable<readonly [Labels, number]>): void => {
    parts.push(head(kind, name, help));
    for (const [labels, value] of values) parts.push(line(name, labels, value));
  };
  const one = (kind: Kind, name: string, help: string, value: number): void => rows(kind, name, help, [[{}, value]]);
  const by = (name: string, help: string, label: string, values: Iterable<readonly [string | number, number]>): void =>
    rows(
      'counter',
      name,
      help,
      Array.from(values, ([key, value]) => [{ [label]: String(key) }, value] as const),
    );
  const histogram = (name: string, help: string, { bounds, bins, sum, count }: Histogram): void => {
    parts.push(head('histogram', name, help));
    let below = 0;
    bins.forEach((bin, i) => {
      below += bin;
      parts.push(line(`${name}_bucket`, { le: i < bounds.length ? String(bounds[i]) : '+Inf' }, below));
    });
    parts.push(line(`${name}_sum`, {}, sum), line(`${name}_count`, {}, count));
  };

  let unsent = 0;
  for (const connection of connections) unsent += connection.unsentBytes();
  const models = Array.from(hub.models.values(), ({ name, hash }) => [{ model: name, hash }, 1] as const);
  rows('gauge', 'eddy_model_info', 'The served models: always 1.', models);
  one('gauge', 'eddy_connections', 'Open connections.', connections.size);
  one('gauge', 'eddy_sessions_active', 'Open sessions.', hub.sessions);
  one('gauge', 'eddy_sessions_detached', 'Those of them that wait for their clients.', hub.register.detached.size);
  one('gauge', 'eddy_sessions_hibernated', 'Sessions that rest in the store.', hub.register.restingSize());
  one('gauge', 'eddy_store_bytes', 'Bytes of the store in which they rest.', hub.store.bytes);
  one('counter', 'eddy_hibernations_total', 'Times that a session was put to rest.', counts.hibernations);
  one('gauge', 'eddy_learners_active', 'Open sessions with weights of their own.', hub.learners);
  one('gauge', 'eddy_unsent_bytes', 'Bytes of answers that peers have not taken yet.', unsent);
  const { unacknowledgedBytes } = counts;
  one('gauge', 'eddy_unacknowledged_bytes', 'Bytes of answers that are kept until acknowledged.', unacknowledgedBytes);
  by('eddy_sessions_total', 'Sessions that were opened, and finished.', 'event', Object.entries(counts.sessions));
  by('eddy_evictions_total', 'Sessions that were put away for good.', 'reason', counts.evictions);
  by('eddy_resumes_total', 'Sessions that a client asked to go on with.', 'outcome', counts.resumes);
  by('eddy_frames_total', 'Frames, by what became of them.', 'result', Object.entries(counts.frames));
  by('eddy_faults_total', 'Faults that were told.', 'code', counts.faults);
  by(
    'eddy_closes_total',
    'Connections that ended, by close code; other: one that clients made up.',
    'code',
    counts.closes,
  );
  by('eddy_pauses_total', 'Times that a connection was not read from.', 'reason', Object.entries(counts.pauses));
  one('counter', 'eddy_unauthorised_total', 'Handshakes and requests without a token of ours.', counts.unauthorised);
  const { applied, skipped, rollbacks, shortened } = counts.updates;
  by(
    'eddy_updates_total',
    'Updates of weights, and those that were skipped.',
    'result',
    Object.entries({ applied, skipped }),
  );
  one('counter', 'eddy_rollbacks_total', 'Times that a guard went back to its last good snapshot.', rollbacks);
  one('counter', 'eddy_shortened_updates_total', 'Updates that a guard shortened.', shortened);
  one('counter', 'eddy_limited_inputs_total', 'Inputs that a guard brought down.', counts.limitedInputs);
  by('eddy_bad_updates_total', 'Updates that were skipped or rolled back, by client.', 'client', counts.badUpdates);
  histogram('eddy_step_duration_seconds', 'One step of a batch.', histograms.step);
  histogram('eddy_queue_wait_seconds', 'From the first frame of a turn to its step.', histograms.wait);
  histogram('eddy_batch_size', 'Streams of one batch.', histograms.batch);
  histogram('eddy_update_duration_seconds', 'One update of weights.', histograms.update);
  histogram('eddy_gradient_norm', 'Length of the gradient before it is scaled down.', histograms.gradientNorm);
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  one('counter', 'process_cpu_seconds_total', 'Processor time, user and system.', (user + system) / 1e6);
  one('gauge', 'process_resident_memory_bytes', 'Resident memory.', rss);
  one('gauge', 'process_heap_bytes', 'Used heap.', heapUsed);
  one('gauge', 'process_start_time_seconds', 'Since 1970.', started);
  return `${parts.join('\n')}\n`;
}

function head(kind: Kind | 'histogram', name: string, help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${kind}`;
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}`;
}

function escaped(text: string): string {
  return text.replace(/[\\"\n]/g, character => (character === '\n' ? '\\n' : `\\${character}`));
}
