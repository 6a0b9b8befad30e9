import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { packageRoot } from '../../targets/package-root.js';
import { compileSamples } from './compile-samples.js';
import { links, typescriptBlocks } from './markdown.js';

const notOurs = new Set(['node_modules', 'dist', 'cdk.out', 'coverage']);
const pages = readdirSync(packageRoot, { withFileTypes: true })
  .filter(({ name }) => !name.startsWith('.') && !notOurs.has(name))
  .flatMap((entry) =>
    entry.isDirectory()
      ? readdirSync(join(packageRoot, entry.name), { recursive: true, encoding: 'utf8' }).map((path) =>
          join(entry.name, path),
        )
      : [entry.name],
  )
  .filter((path) => path.endsWith('.md') && !path.includes(`node_modules${sep}`))
  .map((path) => ({ path, text: readFileSync(join(packageRoot, path), 'utf8') }));

test('the pages are found', () => {
  expect(pages.map(({ path }) => path)).toEqual(expect.arrayContaining(['README.md', 'CONTRIBUTING.md']));
});

test('every TypeScript block of every page compiles', () => {
  const blocks = pages.flatMap(({ path, text }) => typescriptBlocks(path, text));
  expect(blocks.map(({ file }) => file)).toContain('README.md');
  expect(compileSamples(blocks)).toEqual([]);
});

test('a block that does not compile is reported with its page and line', () => {
  const page = [
    '# Page',
    '```ts',
    "import { nothing } from 'exactly-once-aws/dedup';",
    'nothing;',
    '```',
    '```ts',
    'let n: number;',
    "n = '1';",
    '```',
  ];
  expect(compileSamples(typescriptBlocks('docs/page.md', page.join('\n')))).toEqual([
    expect.stringMatching(/^docs\/page\.md:3: Module .* has no exported member 'nothing'/),
    expect.stringMatching(/^docs\/page\.md:8: Type 'string' is not assignable to type 'number'/),
  ]);
});

test('every relative link of every page leads to a file', () => {
  const dead = pages
    .flatMap(({ path, text }) => links(path, text))
    .filter(({ target }) => !/^([a-z]+:|#)/i.test(target))
    .filter(
      ({ file, target }) =>
        !existsSync(join(packageRoot, dirname(file), decodeURI(target.replace(/#.*$/, '')))),
    )
    .map(({ file, line, target }) => `${file}:${line}: ${target}`);
  expect(dead).toEqual([]);
});

/** As GitHub makes them of headings. */
const anchorsOf = (text: string) =>
  new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );

test('every link into a page leads to a heading of it', () => {
  const textOf = new Map(pages.map(({ path, text }) => [path, text]));
  const dead = pages
    .flatMap(({ path, text }) => links(path, text))
    .filter(({ target }) => /^[^:]*#./.test(target))
    .filter(({ file, target }) => {
      const [path = '', anchor = ''] = target.split('#');
      const text = textOf.get(path === '' ? file : join(dirname(file), path));
      return text !== undefined && !anchorsOf(text).has(anchor);
    })
    .map(({ file, line, target }) => `${file}:${line}: ${target}`);
  expect(dead).toEqual([]);
});
