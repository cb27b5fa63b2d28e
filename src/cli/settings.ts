import { InvalidArgumentError, Option } from 'commander';

/** An option that takes an integer from `least` to `most`. */
export function integer(flags: string, description: string, least: number, most = Number.MAX_SAFE_INTEGER): Option {
  const wanted = most === Number.MAX_SAFE_INTEGER ? `an integer from ${least}` : `an integer from ${least} to ${most}`;
  return new Option(flags, description).argParser(text => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) throw new InvalidArgumentError(`Expected ${wanted}.`);
    return value;
  });
}

/** An option that takes a number above 0. */
export function positive(flags: string, description: string): Option {
  return numeric(flags, description, 'a number above 0', value => value > 0);
}

/** An option that takes a number from `least`. */
export function number(flags: string, description: string, least: number): Option {
  return numeric(flags, description, `a number from ${least}`, value => value >= least);
}

function numeric(flags: string, description: string, wanted: string, fits: (value: number) => boolean): Option {
  return new Option(flags, description).argParser(text => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isFinite(value) && fits(value)) return value;
    throw new InvalidArgumentError(`Expected ${wanted}.`);
  });
}

/** An option that takes names, with commas between them. */
export function names(flags: string, description: string): Option {
  return new Option(flags, description).argParser(text => {
    const list = text.split(',').map(name => name.trim());
    const twice = list.find((name, i) => list.indexOf(name) !== i);
    if (twice !== undefined) throw new InvalidArgumentError(`Expected each name once, got ${twice} twice.`);
    if (list.some(name => name === '')) throw new InvalidArgumentError('Expected names with commas between them.');
    return list;
  });
}

/** An option that takes one of some words. */
export function choice(flags: string, description: string, words: readonly string[]): Option {
  return new Option(flags, description).choices([...words]);
}
