import { skipEvent } from '../../runtime/outbox/skip-event.js';
import { inTime, Notebook, streamOf, WrittenOutbox } from './written-outbox.js';

let outbox: WrittenOutbox;
beforeEach(async () => {
  outbox = await WrittenOutbox.open();
});
afterEach(() => {
  outbox.close();
  jest.restoreAllMocks();
});

/**
 * Passes over the newest event of ann, at which targets stand, while the table's stream is well, so that a sweep has
 * no reason to look through the table. Each relay is a new instance, and remembers nothing.
 */
async function passOver(newest: number, targets: readonly Notebook[], skipped: readonly string[]) {
  const relay = (event: Parameters<ReturnType<WrittenOutbox['relay']>>[0]) =>
    outbox.relay(targets)(event, inTime);
  const read = await outbox.reader();
  const stream = async () => relay({ Records: await read() });
  await relay({});
  await outbox.write(Array.from({ length: newest }, () => 'ann'));
  await stream();
  const entry = await outbox.stuckEntry('ann');
  if (entry === undefined) throw new Error('ann is not listed');
  const decision = { targets: skipped, reason: 'too big', by: 'ada' };
  await skipEvent(outbox.access(), { stream: streamOf('ann'), version: BigInt(newest) }, entry, decision);
  await relay({});
  expect(await outbox.stuck()).toEqual([]);
  return { sweep: () => relay({}), stream };
}

const cases = [1, 3].flatMap((newest) => [
  { newest, who: 'all', skipped: ['*'] },
  { newest, who: 'one of two', skipped: ['picky'] },
]);

function targetsOf({ newest, skipped }: (typeof cases)[number]) {
  const [picky, other] = [new Notebook('picky'), new Notebook('other')];
  for (const target of skipped.includes('*') ? [picky, other] : [picky])
    target.refuses = (place) => place === `ann ${newest}`;
  return { picky, other, targets: [picky, other] };
}

test.each(cases)(
  'the newest event, version $newest, is passed over for $who: the next one is not held up by it',
  async (one) => {
    const { picky, other, targets } = targetsOf(one);
    const { stream } = await passOver(one.newest, targets, one.skipped);
    for (const target of targets) target.calls.length = 0;
    await outbox.write(['ann']);
    await stream();
    const next = [[`ann ${one.newest + 1}`]];
    expect([picky.calls, other.calls, await outbox.stuck()]).toEqual([next, next, []]);
  },
);

test.each(cases)(
  'the newest event, version $newest, is passed over for $who: the daily scan does not bring it back',
  async (one) => {
    const { picky, other, targets } = targetsOf(one);
    const { sweep } = await passOver(one.newest, targets, one.skipped);
    for (const target of targets) target.calls.length = 0;
    const now = Date.now.bind(Date);
    jest.spyOn(Date, 'now').mockImplementation(() => now() + 25 * 3600_000);
    await sweep();
    expect([picky.calls, other.calls, await outbox.stuck()]).toEqual([[], [], []]);
    expect(await outbox.positions()).toEqual([`ann ${one.newest} of ${one.newest}`]);
  },
);
