import type { Plan } from './assemble.js';
import { listed } from './columns.js';
import type { FormatName } from './formats/format.js';

export interface Beginning {
  readonly plan: Plan;
  /** The format that was found; undefined where it was asked for. */
  readonly found?: FormatName;
  /** It was guessed by how the input looks. */
  readonly guessed: boolean;
  /** Of what an encoder made, the columns have no names. */
  readonly encoded: boolean;
  /** Names of the columns of rows; undefined for tokens. */
  readonly names?: readonly string[];
  /** Of them, those that the first row does not have. */
  readonly absent: readonly string[];
  readonly unnamed?: string;
  readonly leftOut: readonly string[];
  /** The network is new. */
  readonly fresh: boolean;
}

/** What whoever starts a run should know of how it is understood. */
export function firstWords({
  plan,
  found,
  guessed,
  encoded,
  names,
  absent,
  unnamed,
  leftOut,
  fresh,
}: Beginning): string[] {
  const { key, inputs = [], targets = [] } = plan.columns ?? {};
  const words: string[] = [];
  if (found !== undefined) {
    const why = guessed ? ', as it does not look like a table of numbers (see --format)' : '';
    words.push(`reading ${found}${names === undefined ? why : encoded ? '' : `: ${listed(inputs)}`}`);
  }
  if (unnamed !== undefined) {
    const used = [key, ...inputs, ...targets].includes(unnamed);
    words.push(
      `the heading names one column less than the rows have: the first is ${unnamed}${used ? '' : ', and left out'}`,
    );
  }
  if (leftOut.length > 0) words.push(`left out, as the first row has no number there: ${listed(leftOut)}`);
  const missing = absent.filter(name => [key, ...inputs, ...targets].includes(name));
  if (missing.length > 0) words.push(`not in the first row, and missing until they come: ${listed(missing)}`);
  if (fresh && plan.trainer === undefined) words.push('a new network that learns nothing says nothing: add --learn');
  return words;
}
