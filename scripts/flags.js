import { parseArgs } from 'node:util';

/**
 * What a script was given. It ends here, before it has done anything, where it is asked how it is used, or is given a flag that it does not know.
 *
 * @param usage tells how it is used
 * @param options flags, as `parseArgs` takes them
 */
export function flags(usage, options, allowPositionals = false) {
  try {
    const given = parseArgs({ options: { ...options, help: { type: 'boolean', short: 'h' } }, allowPositionals });
    if (!given.values.help) return given;
    process.stdout.write(usage);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${error.message.split('. ')[0]}\n\n${usage}`);
    process.exit(2);
  }
}
