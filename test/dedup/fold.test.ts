import * as fc from 'fast-check';
import { InvalidState, KeyReused } from '../../runtime/dedup/errors.js';
import {
  fold,
  rowKey,
  type Aggregate,
  type AggregateEvent,
  type FoldOptions,
  type Stuck,
} from '../../runtime/dedup/fold.js';
import { ledgerText, parseLedger, type Parked } from '../../runtime/dedup/ledger.js';
import { slotOf } from '../../runtime/dedup/stream.js';
import type { Outcome } from '../../runtime/dedup/outcome.js';
import { StreamModel } from './fold-model.js';

type Log = { readonly log: readonly string[] };
const stream = 's';
const empty: Aggregate<Log> = { state: undefined, ledger: new Map() };
const event = (version: number, payload = 'a'): AggregateEvent => ({
  stream,
  version: BigInt(version),
  fingerprint: `${payload}-of-the-body`,
  carried: payload,
  lane: `${version} ${Math.random()}`,
});
const append = (state: Log | undefined, { version, carried }: AggregateEvent | Parked): Log => ({
  log: [...(state?.log ?? []), `${version}${carried}`],
});
const options: FoldOptions<Log, AggregateEvent> = { reduce: append, start: () => 0n, now: 0 };

/** Versions from `from` on, one after another. */
function acted(count: number, from = 1, before = empty): Aggregate<Log> {
  const events = Array.from({ length: count }, (_, i) => event(from + i));
  return fold(before, events, options).after;
}
const outcomeOf = (before: Aggregate<Log>, one: AggregateEvent) =>
  fold(before, [one], options).outcomes.get(one);

/** What a store does around the fold: rows, and an end after a few events. All that is kept goes through text. */
class Shelf {
  aggregate = empty;
  readonly rows = new Map<string, Parked>();
  stuck: readonly Stuck[] = [];

  constructor(
    private readonly room: number | undefined,
    private readonly most: number,
  ) {}

  run(
    events: readonly AggregateEvent[],
    fails: ReadonlySet<number>,
    passOver?: FoldOptions<Log, AggregateEvent>['passOver'],
  ): Outcome[] {
    const known = new Map<string, Parked | null>();
    const outcomes = new Map<AggregateEvent, Outcome>();
    let drains: Iterable<string> = [];
    this.stuck = [];
    for (let rest = events; ;) {
      const reduce: typeof append = (state, one) => {
        if (fails.has(Number(one.version))) throw new Error('not now');
        return append(state, one);
      };
      const { room, most } = this;
      const rows = room === undefined ? undefined : known;
      const folded = fold(this.aggregate, rest, {
        ...options,
        reduce,
        rows,
        room,
        most,
        passOver,
        drains,
        stuck: this.stuck,
      });
      // What is asked for may make room for the others.
      const { overflow, wanted } = folded;
      for (const one of wanted.length > 0 ? [] : overflow) {
        const { stream: of, version, previous, fingerprint, carried } = one;
        const key = rowKey(of, slotOf(one));
        if (!this.rows.has(key)) this.rows.set(key, { version, previous, fingerprint, carried });
        known.set(key, this.rows.get(key) ?? null);
      }
      for (const { stream: of, place } of wanted)
        known.set(rowKey(of, place), this.rows.get(rowKey(of, place)) ?? null);
      if (overflow.length + wanted.length > 0) continue;
      const { state, ledger } = folded.after;
      this.aggregate = { state, ledger: parseLedger(ledgerText(ledger), 'item') };
      for (const [one, outcome] of folded.outcomes) outcomes.set(one, outcome);
      this.stuck = folded.stuck;
      drains = folded.unfinished;
      rest = rest.slice(folded.reached);
      passOver = undefined;
      if (rest.length === 0 && folded.unfinished.size === 0) break;
    }
    return events.map((one) => outcomes.get(one) ?? { kind: 'retry' });
  }
}

/** A consumer's events by their ordinals: some streams hold others too, which are not for it and never come. */
class Chain {
  readonly #versions = [0];

  /** @param steps how far each event is behind the one before it */
  constructor(steps: readonly number[]) {
    for (const one of steps) this.#versions.push((this.#versions.at(-1) ?? 0) + one);
  }

  version(ordinal: number): number {
    return this.#versions[ordinal] ?? 0;
  }

  ordinal(version: number): number {
    return this.#versions.indexOf(version);
  }

  /** Its place, as the relay says it: without what goes without saying. */
  at(ordinal: number): { readonly version: bigint; readonly previous?: bigint } {
    const [version, previous] = [this.version(ordinal), this.version(ordinal - 1)];
    return { version: BigInt(version), ...(previous < version - 1 && { previous: BigInt(previous) }) };
  }

  log(state: Log | undefined): string[] {
    return (state?.log ?? []).map((one) => `${this.ordinal(Number.parseInt(one, 10))}${one.slice(-1)}`);
  }
}

const steps = fc.oneof(
  fc.constant(Array<number>(12).fill(1)),
  fc.array(fc.constantFrom(1, 1, 2, 3), { minLength: 12, maxLength: 12 }),
  fc.array(fc.constantFrom(1, 1, 2, 3, 70, 700), { minLength: 12, maxLength: 12 }),
);
const versionOf = fc.integer({ min: 1, max: 12 });
const step = fc.record({
  fails: fc.uniqueArray(versionOf, { maxLength: 3 }),
  deliver: fc.array(fc.tuple(versionOf, fc.constantFrom('a', 'a', 'a', 'b')), { maxLength: 6 }),
  passOver: fc.option(fc.tuple(versionOf, fc.constantFrom('skip' as const, 'stop' as const)), {
    nil: undefined,
    freq: 3,
  }),
});

test('every mixture of early, failing, skipped, stopped and forged events goes as the rules tell it, wherever there is room', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 12 }),
      fc.constantFrom(undefined, 0, 150, 100_000),
      fc.constantFrom(1, 2, Infinity),
      steps,
      (story, room, most, distances) => {
        const model = new StreamModel();
        const shelf = new Shelf(room, most);
        // Without rows nothing is parked that is more than 64 versions ahead.
        const chain = new Chain(distances.map((one) => (room === undefined ? Math.min(one, 5) : one)));
        // What was said of a version is remembered for the next 64, whoever they are for.
        const forgets = Math.max(...distances) > 5;
        for (const { fails: failing, deliver: given, passOver } of story) {
          const deliver = given.map(([ordinal, payload]) => [ordinal, forgets ? 'a' : payload] as const);
          const fails = new Set(failing);
          const failsAt = new Set(failing.map((ordinal) => chain.version(ordinal)));
          model.begin();
          const expected = deliver.map(([version, payload]) => model.deliver(version, payload, fails));
          const outcomes = shelf.run(
            deliver.map(([ordinal, payload]) => ({ ...event(0, payload), ...chain.at(ordinal) })),
            failsAt,
          );
          for (const [i, { kind }] of outcomes.entries())
            if (expected[i] === 'kept before') expect(['duplicate', 'parked']).toContain(kind);
            else expect(kind).toBe(expected[i]);
          if (passOver !== undefined) {
            const [ordinal, how] = passOver;
            model.begin();
            const stands = model.passOver(ordinal, how, fails);
            // What was kept of it is in its dead letter.
            shelf.run([], failsAt, { stream, ...chain.at(ordinal), how, start: 0n });
            if (stands) shelf.rows.delete(rowKey(stream, slotOf(chain.at(ordinal))));
            if (stands) expect(shelf.aggregate.ledger.get(stream)).toMatchObject({ stopped: true });
          }
          expect(chain.log(shelf.aggregate.state)).toEqual(model.log);
          expect(shelf.aggregate.ledger.get(stream)?.position ?? 0n).toBe(
            BigInt(chain.version(model.position)),
          );
          expect(shelf.stuck.map(({ parked }) => chain.ordinal(Number(parked.version)))).toEqual(
            [model.stuck].filter((one) => one !== undefined),
          );
        }
      },
    ),
    { numRuns: 600 },
  );
});

describe('a version that has acted and comes with another payload', () => {
  test('is rejected while it is among the last 64, and a copy of it is a duplicate', () => {
    const after = acted(100);
    expect(outcomeOf(after, event(37, 'b'))).toEqual({ kind: 'rejected', error: expect.any(KeyReused) });
    expect(outcomeOf(after, event(36, 'b'))).toEqual({ kind: 'duplicate' });
    for (const version of [1, 36, 37, 100])
      expect(outcomeOf(after, event(version))).toEqual({ kind: 'duplicate' });
  });

  test('is rejected too when it was passed over and acted late', () => {
    const passOver = { stream, version: 3n, how: 'skip' as const, start: 0n };
    const skipped = fold(acted(2), [], { ...options, passOver }).after;
    const after = acted(1, 3, acted(2, 4, skipped));
    expect(after.state?.log.at(-1)).toBe('3a');
    expect(outcomeOf(after, event(3))).toEqual({ kind: 'duplicate' });
    expect(outcomeOf(after, event(3, 'b'))).toMatchObject({ kind: 'rejected' });
  });

  test('costs an aggregate 8 bytes a version, and never more than 512', () => {
    const bytes = (count: number) => ledgerText(acted(count).ledger).length;
    expect(bytes(9) - bytes(8)).toBe(8);
    expect(bytes(99)).toBe(bytes(64));
    expect(bytes(64)).toBeLessThan(550);
  });
});

test('of the versions that were passed over the latest 1,000 may act yet', () => {
  let after = empty;
  for (let version = 1n; version <= 1_005n; version += 1n)
    after = fold(after, [], { ...options, passOver: { stream, version, how: 'skip', start: 0n } }).after;
  expect(outcomeOf(after, event(5))).toEqual({ kind: 'duplicate' });
  expect(outcomeOf(after, event(6))).toEqual({ kind: 'processed' });
});

test.each([
  ['undefined', undefined],
  ['null', null],
  ['a Promise', Promise.resolve({ log: [] })],
  ['a Array', [1]],
  ['a Map', new Map()],
  ['a Date', new Date(0)],
])('a reducer that returns %s is a defect, and what was there stays', (got, wrong) => {
  const before = acted(1);
  const bad = event(2);
  const reduce = (() => wrong) as unknown as typeof append;
  const { after, outcomes, changed } = fold(before, [bad], { ...options, reduce });
  expect(outcomes.get(bad)).toEqual({ kind: 'retry', error: expect.any(InvalidState) });
  expect(outcomes.get(bad)).toMatchObject({ error: { fault: 'defect', got } });
  expect({ changed, state: after.state }).toEqual({ changed: false, state: before.state });
});

test('a gap is listed once it is as old as it may be, and no longer when it closes', () => {
  const at = (now: number, before: Aggregate<Log>, version: number) =>
    fold(before, [event(version)], { ...options, now, gapSeconds: 900 }).after;
  const listed = ({ ledger }: Aggregate<Log>) => ledger.get(stream)?.listed ?? false;
  const young = at(899, at(0, acted(1), 3), 4);
  const old = at(901, young, 5);
  expect([young, old, at(902, old, 2)].map(listed)).toEqual([false, true, false]);
});

test('R17: ledgers that earlier versions wrote are read as they were meant', () => {
  const first = parseLedger('[1,["s","4",["6","fp","text"]]]', 'item');
  const second = parseLedger('[2,["s","4",["2"],true,["6","fp","text"]]]', 'item');
  const parked = [{ version: 6n, fingerprint: 'fp', carried: 'text' }];
  expect(first.get('s')).toEqual({ position: 4n, parked });
  expect(second.get('s')).toEqual({ position: 4n, parked, holes: [2n], stopped: true });
  expect(() => parseLedger('[5]', 'item')).toThrow('row has version 5, this runtime knows up to 4');
});
