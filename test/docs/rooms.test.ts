import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../targets/package-root.js';

/** Trees that are a room by themselves. */
const trees = ['bench', 'cli', 'drive', 'prove', 'targets'];

const roomsOf = (tree: string) =>
  readdirSync(join(packageRoot, tree), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);

const rooms = [...new Set([...['lib', 'runtime', 'lambdas'].flatMap(roomsOf), ...trees])].sort();

test.each(rooms)('the room %s has a page of its name', (room) => {
  expect(existsSync(join(packageRoot, 'docs', `${room}.md`))).toBe(true);
});

test('the map names every room', () => {
  const map = readFileSync(join(packageRoot, 'docs', 'architecture.md'), 'utf8');
  expect(rooms.filter((room) => !map.includes(`\`${room}\``))).toEqual([]);
});

test.each(['drive', 'targets'])('the map names every room of %s', (tree) => {
  const map = readFileSync(join(packageRoot, 'docs', 'architecture.md'), 'utf8');
  expect(roomsOf(tree).filter((room) => !map.includes(`\`${tree}/${room}\``))).toEqual([]);
});
