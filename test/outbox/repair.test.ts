import { keptStreams, resend, type KeptStream } from '../../runtime/outbox/resend.js';
import { removeStuck } from '../../runtime/outbox/stuck-streams.js';
import { skipEvent } from '../../runtime/outbox/skip-event.js';
import type { RelayedEvent, StuckStream } from '../../runtime/outbox/index.js';
import { inTime, Notebook, placeOf, streamOf, WrittenOutbox, type Written } from './written-outbox.js';

let outbox: WrittenOutbox;
beforeEach(async () => {
  outbox = await WrittenOutbox.open();
});
afterEach(() => {
  outbox.close();
  jest.restoreAllMocks();
});

/** Takes of a call what is before the first event that it refuses, so that what it has taken is in order. */
class Picky extends Notebook {
  override async send(events: readonly RelayedEvent[]): Promise<Map<RelayedEvent, unknown>> {
    const stop = events.findIndex(({ event }) => this.refuses(placeOf(event)));
    const left = stop < 0 ? [] : events.slice(stop);
    await super.send(events.slice(0, events.length - left.length));
    return new Map(left.map((event) => [event, new Error('refused')]));
  }
}

const upTo = (last: number, first = 1) =>
  Array.from({ length: last - first + 1 }, (_, i) => `ann ${first + i}`);

/** Events of ann, sent as far as targets take them. */
async function sent(count: number, targets: readonly Notebook[], written?: Written) {
  const relay = outbox.relay(targets);
  const read = await outbox.reader();
  await relay({}, inTime);
  await outbox.write(
    Array.from({ length: count }, () => 'ann'),
    written,
  );
  await relay({ Records: await read() }, inTime);
  for (const target of targets) target.events.length = 0;
  return { sweep: async () => outbox.relay(targets)({}, inTime) };
}

async function kept(): Promise<KeptStream> {
  for await (const one of keptStreams(outbox.access(), { since: 0 })) return one;
  throw new Error('nothing is kept');
}

const ask = async (one: KeptStream, from: bigint, target?: string) =>
  resend(outbox.access(), { kept: one, from, target, reason: 'asked for', salt: `salt ${from}` });

async function listed(): Promise<StuckStream> {
  const entry = await outbox.stuckEntry('ann');
  if (entry === undefined) throw new Error('ann is not listed');
  return entry;
}

describe.each<[string, Written | undefined, number]>([
  ['small', undefined, 250],
  ['large', { bytes: 250_000 }, 9],
])('%s events behind one that a target never takes', (_, written, count) => {
  test('are sent again to the other targets, and so is what comes later', async () => {
    const [picky, other] = [new Picky('picky'), new Notebook('other')];
    const { sweep } = await sent(count, [picky, other], written);
    picky.refuses = (place) => place === 'ann 1';
    await ask(await kept(), 1n);
    await sweep();
    expect(other.taken).toEqual(upTo(count));
    await outbox.write(['ann'], { at: Date.now() - 120_000 });
    const now = Date.now.bind(Date);
    jest.spyOn(Date, 'now').mockImplementation(() => now() + 25 * 3600_000);
    await sweep();
    expect(other.taken).toEqual(upTo(count + 1));
    expect([picky.taken, await outbox.stuck()]).toMatchObject([[], [{ stream: streamOf('ann') }]]);
    picky.refuses = () => false;
    jest.spyOn(Date, 'now').mockImplementation(() => now() + 50 * 3600_000);
    await sweep();
    expect(picky.taken).toEqual(upTo(count + 1));
    expect([other.taken, await outbox.stuck()]).toEqual([upTo(count + 1), []]);
  });
});

test.each([undefined, 'picky'])(
  'what somebody has sent again (target %s) while another one skips what it stands at is sent again',
  async (target) => {
    const [picky, other] = [new Picky('picky'), new Notebook('other')];
    picky.refuses = (place) => place === 'ann 5';
    const { sweep } = await sent(7, [picky, other]);
    const seen = await listed();
    await ask(await kept(), 2n, target);
    const decision = { targets: ['picky'], reason: 'too big', by: 'ada' };
    const after = await skipEvent(outbox.access(), { stream: streamOf('ann'), version: 5n }, seen, decision);
    await sweep();
    expect(picky.taken).toEqual(upTo(4, 2));
    expect(after?.next.get('picky')).toBe(2n);
    await skipEvent(outbox.access(), { stream: streamOf('ann'), version: 5n }, await listed(), decision);
    await sweep();
    expect(picky.taken).toEqual([...upTo(4, 2), ...upTo(7, 6)]);
    expect([other.taken, await outbox.stuck()]).toEqual([target === undefined ? upTo(7, 2) : [], []]);
  },
);

test('a resend to one target sends nothing to others, also where the stream leaves the list meanwhile', async () => {
  const [late, other] = [new Notebook('late'), new Notebook('other')];
  const { sweep } = await sent(5, [late, other]);
  const before = await kept();
  await ask(before, 5n, 'late');
  const access = outbox.access();
  // Another sweep is through with it between the look and the write.
  outbox.client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        if (commandName === 'PutItemCommand') {
          outbox.client.middlewareStack.remove('meanwhile');
          await removeStuck(access, streamOf('ann'));
        }
        return next(args);
      },
    { step: 'initialize', name: 'meanwhile' },
  );
  await ask(before, 2n, 'late');
  await sweep();
  expect([late.taken, other.taken, await outbox.stuck()]).toEqual([upTo(5, 2), [], []]);
});
