import { isFreezable } from '../../runtime/dedup/json-data.js';
import { ownCopy } from '../../runtime/dedup/own-copy.js';

class Moment extends Date {
  readonly zone = 'UTC';
}

test.each<[string, object]>([
  ['Buffer', Buffer.from('text')],
  ['Float64Array', Float64Array.of(1.5, 2.5)],
  ['DataView', new DataView(Uint8Array.of(0, 1, 2).buffer, 1, 1)],
  ['ArrayBuffer', Uint8Array.of(1, 2).buffer],
  ['Date', new Date(0)],
  ['Set', new Set([new Date(0)])],
  ['Map', new Map([['at', Buffer.from('x')]])],
])('a %s is copied as what it is', (name, value) => {
  const { copy } = ownCopy({ copy: value });
  expect(copy).not.toBe(value);
  expect(copy).toEqual(value);
  expect(Object.getPrototypeOf(copy)).toBe(Object.getPrototypeOf(value));
  expect(copy.constructor.name).toBe(name);
});

test('an object of a class that nobody knows here is given on as it is', () => {
  const at = new Moment(0);
  expect(ownCopy({ at }).at).toBe(at);
});

test('what contains itself is looked at once', () => {
  const parent: Record<string, unknown> = { name: 'parent' };
  parent['children'] = [{ parent }];
  expect(isFreezable(parent)).toBe(true);
  expect(ownCopy(parent)).toBe(parent);
  expect(isFreezable({ parent, at: new Date(0) })).toBe(false);
});
