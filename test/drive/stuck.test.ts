import { NotDrainedError } from '../../drive/drive-error.js';
import { stuckCheck } from '../../drive/stuck.js';

const halfMs = 200_000;

test('a queue that nothing leaves for 300 s is stuck, one that moves is not', () => {
  let now = 5;
  const stuck = stuckCheck({ polls: 'runner' }, () => now);
  for (let moves = 0; moves < 3; moves += 1) {
    stuck.moved();
    now += halfMs;
    stuck.check();
  }
  now += halfMs;
  expect(() => stuck.check()).toThrow(NotDrainedError);
});

test('before the first invocation the wait counts from the first look', () => {
  let now = 5;
  const stuck = stuckCheck({ polls: 'runner' }, () => now);
  now += 2 * halfMs;
  stuck.check();
  now += 2 * halfMs;
  expect(() => stuck.check()).toThrow(/start again/);
});

test('where the target polls by itself nothing is seen to move, and nothing counts as stuck', () => {
  let now = 5;
  const stuck = stuckCheck({ polls: 'target' }, () => now);
  stuck.check();
  now += 1000 * halfMs;
  expect(() => stuck.check()).not.toThrow();
});
