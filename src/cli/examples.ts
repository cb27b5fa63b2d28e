/** What stands at the end of a help: commands, and under each what it is for. */
export function examples(...list: readonly (readonly [command: string, what?: string])[]): string {
  const lines = list.flatMap(([command, what]) => [`  $ ${command}`, ...(what === undefined ? [] : [`      ${what}`])]);
  return ['', 'Examples:', ...lines].join('\n');
}
