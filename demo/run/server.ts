import { type RemoteOptions, remote } from 'eddy/client';
import { defer, finalize, type OperatorFunction } from 'rxjs';
import type { Status } from '../parts/status.js';
import { isShared, type Network, type Runner, type RunOptions } from './runner.js';

/**
 * Through a WebSocket to the server of the page. A connection that is lost is made again, and the session goes on where it was;
 * meanwhile the status says that the server is gone. Errors where the session itself is gone.
 */
export function runOnServer(status: Status): Runner {
  let connections = 0;
  /** Where its connection stands is said, too. */
  const told =
    <In, Out>(
      { state }: RunOptions,
      make: (onState: NonNullable<RemoteOptions['onState']>) => OperatorFunction<In, Out>,
    ): OperatorFunction<In, Out> =>
    source =>
      defer(() => {
        const stream = `connection ${++connections}`;
        let tried = false;
        const operator = make(now => {
          // A connection that was lost before the session opened begins again, too.
          if (now.kind === 'resuming' || (now.kind === 'connecting' && tried))
            status.report(stream, { kind: 'gone', until: Date.now(), refused: undefined });
          else status.forget(stream);
          tried = true;
          state?.(now);
        });
        return source.pipe(
          operator,
          finalize(() => status.forget(stream)),
        );
      });
  return {
    place: 'server',
    step: (network, options = {}) =>
      told(options, onState => remote('./', { ...optionsOf(network, options), onState })),
    learn: (network, lessons, options = {}) =>
      told(options, onState =>
        remote('./', {
          ...optionsOf(network, options),
          onState,
          learn: isShared(network) ? 'shared' : 'private',
          learning: lessons,
        }),
      ),
  };
}

function optionsOf(network: Network, { want, carry, opened }: RunOptions): Omit<RemoteOptions, 'learn'> {
  return {
    ...(typeof network === 'string' ? { model: network } : { fresh: { config: network } }),
    ...(want && { want }),
    ...(carry && { carry }),
    ...(opened && { onOpened: ({ config }) => opened(config!) }),
  };
}
