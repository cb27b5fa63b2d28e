import { type Field, schema } from './eddy.generated.js';

export type { Field };

/** A message as the generated module takes and gives it: camelCase fields, enums as numbers, bytes as they are. */
export type Plain = Record<string, unknown>;

/** These enums keep their underscores in records (`rnn_tanh`, `bad_input`); all others are written with hyphens. */
const underscored: ReadonlySet<string> = new Set(['Cell', 'FaultCode']);

/** The fields of a message, in the order of the .proto file. */
export function fieldsOf(message: string): readonly Field[] {
  return schema.messages[message];
}

/** One enum: short names (`private`) of records, full names (`LEARN_PRIVATE`) of JSON, numbers of protobuf. */
export interface EnumTable {
  readonly numbers: ReadonlyMap<string, number>;
  readonly shortNames: ReadonlyMap<number, string>;
  readonly fullNames: ReadonlyMap<number, string>;
}

const enums: ReadonlyMap<string, EnumTable> = new Map(
  Object.entries(schema.enums).map(([name, values]) => [name, enumTable(name, values)]),
);

/** The table of an enum; a name in either form leads to its number. */
export function enumOf(name: string): EnumTable {
  return enums.get(name)!;
}

function enumTable(name: string, values: Readonly<Record<string, number>>): EnumTable {
  const prefix = `${name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase()}_`;
  const numbers = new Map<string, number>();
  const shortNames = new Map<number, string>();
  const fullNames = new Map<number, string>();
  for (const [full, number] of Object.entries(values)) {
    const lower = full.slice(prefix.length).toLowerCase();
    const short = underscored.has(name) ? lower : lower.replaceAll('_', '-');
    numbers.set(full, number).set(short, number);
    shortNames.set(number, short);
    fullNames.set(number, full);
  }
  return { numbers, shortNames, fullNames };
}
