import { cleanup } from '../../drive/cleanup.js';
import { unlessAborted } from '../../drive/unless-aborted.js';

test('undoes everything once, last first, and goes on after a failure', async () => {
  const done: string[] = [];
  const undo = cleanup((line) => done.push(line));
  undo.add('end a', () => done.push('a'));
  undo.add('end b', () => Promise.reject(new Error('stuck')));
  undo.add('end c', () => done.push('c'));
  await undo.run();
  await undo.run();
  expect(done).toEqual(['c', 'could not end b: stuck', 'a']);
});

test('a wait ends with the reason of the abort, at once', async () => {
  const stop = new AbortController();
  const waiting = unlessAborted(new Promise(() => undefined), stop.signal);
  stop.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  await expect(unlessAborted(Promise.resolve(1), stop.signal)).rejects.toThrow('enough');
});

test('without an abort it is the work itself', async () => {
  const { signal } = new AbortController();
  await expect(unlessAborted(Promise.resolve(1), signal)).resolves.toBe(1);
  await expect(unlessAborted(Promise.reject(new Error('own')), signal)).rejects.toThrow('own');
});
