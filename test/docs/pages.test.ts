import test from 'ava';
import { deadLinks } from '../helpers/docs.js';
import { docBlocks, runBlocks } from '../helpers/pages.js';

const page = (...lines: string[]): string => lines.join('\n');

test('a block prints what its text block or its arrows show', async t => {
  const blocks = docBlocks(
    page(
      '# Page',
      '',
      '```ts',
      "import { createRandom } from 'eddy';",
      'const dice = createRandom(1);',
      'console.log(typeof dice.uniform());',
      "console.log('two lines,\\nno more');",
      '```',
      'Words between.',
      '```text',
      'number',
      'two lines,',
      'no more',
      '```',
      '```ts',
      "import { of } from 'rxjs';",
      "import { step } from 'eddy/operators';",
      'of(dice.integer(1)).subscribe(value => console.log(value)); // → 0',
      'Promise.resolve(typeof step).then(kind => console.log(kind)); // → function',
      '```',
    ),
  );
  t.deepEqual(
    blocks.map(({ line }) => line),
    [3, 15],
  );
  const results = await runBlocks('right', blocks);
  t.deepEqual(
    results.map(({ printed }) => printed),
    ['number\ntwo lines,\nno more\n', '0\nfunction\n'],
  );
  for (const { printed, expected } of results) t.is(printed, expected);
});

test('a block that prints something else, or fails, is seen', async t => {
  const blocks = docBlocks(
    page(
      '```ts',
      "console.log('one'); // → two",
      '```',
      '```ts',
      "console.log('said by nobody');",
      '```',
      '```ts',
      "if (blocks()) throw new Error('broken');",
      'function blocks() { return true; }',
      '```',
      '```ts',
      'console.log(3); // → 3',
      '```',
    ),
  );
  const results = await runBlocks('wrong', blocks);
  t.deepEqual(
    results.map(({ printed }) => printed),
    ['one\n', 'said by nobody\n', '', undefined],
  );
  t.deepEqual(
    results.map(({ expected }) => expected),
    ['two\n', '', '', '3\n'],
  );
  t.is((results[2].error as Error).message, 'broken');
});

test('a wrong type is told with its line in the page', async t => {
  const blocks = docBlocks(page('# Page', '', '```ts', 'const count: number = 1;', "count.trim('x');", '```'));
  const error = await t.throwsAsync(runBlocks('types', blocks));
  t.regex(error.message, /types-1\.ts\(5,7\).*'trim' does not exist/);
});

test('a block may begin anew, or stay unread', async t => {
  const blocks = docBlocks(
    page(
      '```ts',
      'const name = 1;',
      '```',
      '```ts fresh',
      'const name = 2;',
      'console.log(name); // → 2',
      '```',
      '```ts no-run',
      'this is no code',
      '```',
      '```text',
      'belongs to nothing',
      '```',
    ),
  );
  t.deepEqual(
    (await runBlocks('fresh', blocks)).map(({ printed, expected }) => [printed, expected]),
    [
      ['', ''],
      ['2\n', '2\n'],
    ],
  );
});

test('a link to a file or a heading that is not there is seen', t => {
  const text =
    '[a](#words) [b](errors.md#eddy_input) [c](https://example.org/x) [d](none.md) [e](errors.md#none) [f](#none)';
  t.deepEqual(deadLinks('docs/tutorial.md', text), ['#words', 'none.md', 'errors.md#none', '#none']);
});
