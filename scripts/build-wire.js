/**
 * Makes src/wire/eddy.generated.js and .d.ts from proto/eddy/v1/stream.proto: the static protobuf module, and behind it
 * a table of messages, fields and enums for the JSON form and for the checks. Does nothing when both are up to date.
 *
 * tsc does not copy JavaScript, so `copyWire` puts the module beside the compiled files.
 */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const proto = join(root, 'proto/eddy/v1/stream.proto');
const source = join(root, 'src/wire/eddy.generated.js');
const declarations = join(root, 'src/wire/eddy.generated.d.ts');

const options = [
  ['-t', 'static-module', '-w', 'esm', '--dts', '-r', 'eddy.v1', '--dependency', 'protobufjs/minimal.js'],
  ['--force-number', '--no-create', '--no-verify', '--no-convert', '--no-delimited', '--no-typeurl', '--no-service'],
].flat();

/** Builds what is missing or stale; true if it had to. Throws what the protobuf compiler says. */
export async function buildWire() {
  const stamp = `// made from ${digest([proto, fileURLToPath(import.meta.url), join(root, 'package-lock.json')])}\n`;
  if (existsSync(declarations) && existsSync(source) && readFileSync(source, 'utf8').startsWith(stamp)) {
    return false;
  }
  const { default: pbjs } = await import('protobufjs-cli/pbjs.js');
  const { default: protobuf } = await import('protobufjs');
  const fresh = `${source}.${process.pid}.js`;
  await new Promise((resolve, reject) => {
    pbjs.main([...options, '-o', fresh, proto], error => (error ? reject(error) : resolve()));
  });
  const freshDeclarations = fresh.replace(/\.js$/, '.d.ts');
  const code = dense(readFileSync(fresh, 'utf8'));
  const table = JSON.stringify(await schemaOf(protobuf));
  writeFileSync(fresh, `${stamp}${code}\nexport const schema = ${table};\n`);
  const types = readFileSync(freshDeclarations, 'utf8').replace(/^import Long.*\n/m, '');
  writeFileSync(freshDeclarations, `${types}\n${schemaDeclarations}`);
  renameSync(freshDeclarations, declarations);
  renameSync(fresh, source);
  rmSync(fresh, { force: true });
  return true;
}

/** Puts the generated module at `<outDir>/src/wire/`, where the compiled files import it. */
export function copyWire(outDir) {
  const folder = join(outDir, 'src/wire');
  mkdirSync(folder, { recursive: true });
  copyFileSync(source, join(folder, 'eddy.generated.js'));
  copyFileSync(declarations, join(folder, 'eddy.generated.d.ts'));
}

const schemaDeclarations = `/** One field of a message, as the .proto file has it. */
export interface Field {
  readonly id: number;
  /** In lowerCamelCase. */
  readonly name: string;
  /** As in the .proto file. */
  readonly proto: string;
  readonly type: 'uint32' | 'uint64' | 'float' | 'double' | 'bool' | 'string' | 'bytes' | 'enum' | 'message';
  /** The name of the enum or message. */
  readonly ref?: string;
  readonly repeated?: true;
  /** The group of which at most one field is there. */
  readonly oneof?: string;
  /** Whether its absence can be told from its default. */
  readonly optional?: true;
}

/** All messages and enums of eddy.v1 by name. */
export const schema: {
  readonly messages: { readonly [message: string]: readonly Field[] };
  readonly enums: { readonly [name: string]: { readonly [value: string]: number } };
};
`;

/** The messages, fields and enums of the .proto file, as a plain table. */
async function schemaOf(protobuf) {
  const loaded = await new protobuf.Root().load(proto, { keepCase: true });
  const schema = { messages: {}, enums: {} };
  for (const part of loaded.lookup('eddy.v1').nestedArray) {
    if (part instanceof protobuf.Enum) {
      schema.enums[part.name] = part.values;
    } else {
      schema.messages[part.name] = part.fieldsArray.map(field => fieldOf(protobuf, field.resolve()));
    }
  }
  return schema;
}

function fieldOf(protobuf, field) {
  const reference = field.resolvedType;
  const group = field.partOf && !field.options?.proto3_optional ? field.partOf.name : undefined;
  return {
    id: field.id,
    name: protobuf.util.camelCase(field.name),
    proto: field.name,
    type: reference === null ? field.type : reference instanceof protobuf.Enum ? 'enum' : 'message',
    ...(reference === null ? {} : { ref: reference.name }),
    ...(field.repeated ? { repeated: true } : {}),
    ...(group === undefined ? {} : { oneof: group }),
    ...(field.options?.proto3_optional ? { optional: true } : {}),
  };
}

/** The declarations keep the comments; the module that is loaded needs neither them nor its indentation. */
function dense(code) {
  return code
    .replace(/^\s*\/\*\*[\s\S]*?\*\/\n/gm, '')
    .replace(/^\s*\/\/.*\n/gm, '')
    .replace(/^\s+/gm, '');
}

function digest(files) {
  const hash = createHash('sha256');
  for (const file of files) {
    hash.update(existsSync(file) ? readFileSync(file, 'utf8').replaceAll('\r\n', '\n') : '');
  }
  return hash.digest('hex').slice(0, 16);
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const started = performance.now();
  const built = await buildWire();
  console.log(built ? `wire: built in ${Math.round(performance.now() - started)} ms` : 'wire: up to date');
}
