import { ConfigError } from '../errors.js';

/**
 * What is passed over in silence may be a slip of the pen.
 *
 * @param given settings of the kind that they name
 * @param known names of those that it has
 * @throws ConfigError at one that it does not have
 */
export function refuseOthers(name: string, given: { readonly kind: string }, known: readonly string[]): void {
  for (const [setting, value] of Object.entries(given)) {
    if (value !== undefined && !known.includes(setting))
      throw new ConfigError(
        `Expected the settings of ${given.kind} alone (${known.join(', ')}), got ${name}.${setting}`,
      );
  }
}
