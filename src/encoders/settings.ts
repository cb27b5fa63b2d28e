import { ConfigError } from '../errors.js';
import { shown } from './shown.js';

/**
 * What is passed over in silence may be a slip of the pen.
 *
 * @throws ConfigError at a setting that is none of the known ones
 */
export function expectSettings(config: object, known: readonly string[]): void {
  for (const name of Object.keys(config))
    if (!known.includes(name))
      throw new ConfigError(`Expected a setting of encoder to be one of ${known.join(', ')}, got ${shown(name)}`);
}
