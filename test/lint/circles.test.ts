import { circles, sourceImports } from './source-imports.js';

test('no files import each other in a circle, not for types either', () => {
  // import-x/no-cycle, which lint runs, does not follow imports of types.
  expect(circles(sourceImports())).toEqual([]);
});

test('a circle of types, a file that imports itself and a longer way round are found', () => {
  const imports = new Map([
    ['a', ['b']],
    ['b', ['c', 'package']],
    ['c', ['a']],
    ['d', ['a']],
    ['e', ['e']],
  ]);
  expect(circles(imports)).toEqual([['a', 'b', 'c'], ['e']]);
});
