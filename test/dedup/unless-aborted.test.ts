import { unlessAborted } from '../../runtime/dedup/unless-aborted.js';

const endless = () => new Promise<never>(() => undefined);

test('a wait ends at once with the abort, also with one that came before it', async () => {
  const stop = new AbortController();
  const late = () => new Error('late');
  const waiting = unlessAborted(endless(), stop.signal, late);
  stop.abort();
  await expect(waiting).rejects.toThrow('late');
  await expect(unlessAborted(endless(), stop.signal, late)).rejects.toThrow('late');
});

test.each([
  ['an error', () => new Error('late')],
  ['one that comes later', async () => Promise.resolve(new Error('late'))],
  ['none, for what should make it is not there', async () => Promise.reject(new Error('late'))],
])('whoever waits says what a late end is: %s', async (_, late) => {
  const stop = new AbortController();
  const waiting = unlessAborted(endless(), stop.signal, late);
  stop.abort();
  await expect(waiting).rejects.toThrow('late');
});

test('without an abort it is the work itself, and nobody listens any more once it is over', async () => {
  const { signal } = new AbortController();
  let late = 0;
  const count = () => new Error(`late for the ${(late += 1)}. time`);
  await expect(unlessAborted(Promise.resolve(1), signal, count)).resolves.toBe(1);
  await expect(unlessAborted(Promise.reject(new Error('own')), signal, count)).rejects.toThrow('own');
  signal.dispatchEvent(new Event('abort'));
  expect(late).toBe(0);
});

test('work that fails after it was given up takes nothing with it', async () => {
  const stop = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  const waiting = unlessAborted(promise, stop.signal, () => new Error('enough'));
  stop.abort();
  await expect(waiting).rejects.toThrow('enough');
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', note);
  reject(new Error('too late'));
  await new Promise(setImmediate);
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
});
