import { type RemoteOptions, remote } from 'eddy/client';
import { isShared, type Network, type Runner, type RunOptions } from './runner.js';

/** Through a WebSocket to the server of the page. */
export function runOnServer(): Runner {
  return {
    place: 'server',
    step: (network, options = {}) => remote('./', optionsOf(network, options)),
    learn: (network, lessons, options = {}) =>
      remote('./', {
        ...optionsOf(network, options),
        learn: isShared(network) ? 'shared' : 'private',
        learning: lessons,
      }),
  };
}

function optionsOf(network: Network, { want, carry, opened, state }: RunOptions): Omit<RemoteOptions, 'learn'> {
  return {
    ...(typeof network === 'string' ? { model: network } : { fresh: { config: network } }),
    ...(want && { want }),
    ...(carry && { carry }),
    ...(state && { onState: state }),
    ...(opened && { onOpened: ({ config }) => opened(config!) }),
  };
}
