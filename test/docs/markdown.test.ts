import { links, typescriptBlocks } from './markdown.js';

const page = [
  '[one](one.md) and ![two](img/two.png "title"), `[not](code.md)`',
  '```sh',
  '[not](shell.md)',
  '```',
  '````md',
  '```ts',
  'quoted();',
  '```',
  '````',
  '1. step',
  '   ```ts',
  '   first();',
  '',
  '   second();',
  '   ```',
  '```ts',
  'third();',
  '```',
  '```typescript',
  'fourth();',
  '```',
  '[three]: <docs/three.md#part>',
].join('\n');

test('code blocks carry the line of their first line of code; a fence inside a longer fence is text', () => {
  expect(typescriptBlocks('p.md', page)).toEqual([
    { file: 'p.md', line: 12, code: '   first();\n\n   second();\n' },
    { file: 'p.md', line: 17, code: 'third();\n' },
    { file: 'p.md', line: 20, code: 'fourth();\n' },
  ]);
});

test('links are read from prose, not from code', () => {
  expect(links('p.md', page).map(({ line, target }) => `${line} ${target}`)).toEqual([
    '1 one.md',
    '1 img/two.png',
    '22 docs/three.md#part',
  ]);
});

test('a fence that is never closed is an error', () => {
  expect(() => links('p.md', 'text\n```ts\ncode();\n')).toThrow('p.md:2: this code block is never closed');
});
