import fc from 'fast-check';
import { hasDied, largestCompany, nextCompany } from '../../runtime/consumer/company.js';

/** A suspect of this model: what is written down about it, and what became of it. */
interface Suspect {
  readonly name: number;
  readonly lane: number;
  history: { alone: number; company: number };
}

interface Course {
  /** Sizes of the companies that were started, in order, each with whether the process died of it. */
  readonly starts: { readonly members: readonly Suspect[]; readonly died: boolean }[];
  readonly acted: ReadonlySet<number>;
  readonly dead: readonly number[];
}

/** Plays what a consumer does about suspects only, batch by batch: start a company in writing, and live or die. */
function course(lanes: readonly number[], killers: ReadonlySet<number>): Course {
  let left: Suspect[] = lanes.map((lane, name) => ({ name, lane, history: { alone: 0, company: 0 } }));
  const starts: Course['starts'] = [];
  const acted = new Set<number>();
  const dead: number[] = [];
  const done = (some: readonly Suspect[]) => (left = left.filter((one) => !some.includes(one)));
  while (left.length > 0) {
    if (starts.length > 200) throw new Error('it does not come to an end');
    const queues = () => [...Map.groupBy(left, ({ lane }) => lane).values()];
    const condemned = queues().flatMap(([head]) =>
      head !== undefined && hasDied({ ...head.history, readable: true }) ? [head] : [],
    );
    if (condemned.length > 0) {
      dead.push(...condemned.map(({ name }) => name));
      done(condemned);
      continue;
    }
    const members = nextCompany(queues());
    if (members.length === 0) throw new Error('nobody is started');
    const size = members.length;
    for (const one of members) one.history = { alone: one.history.alone + Number(size === 1), company: size };
    const died = members.some(({ name }) => killers.has(name));
    starts.push({ members, died });
    if (died) continue;
    for (const { name } of members) acted.add(name);
    done(members);
  }
  return { starts, acted, dead };
}

const batch = fc.array(fc.nat(9), { minLength: 1, maxLength: 10 });

test('R46: of suspects in any lanes with one killer, only the killer ends with two lone deaths', () => {
  fc.assert(
    fc.property(batch, fc.nat(9), (lanes, at) => {
      const killer = at % lanes.length;
      const { starts, acted, dead } = course(lanes, new Set([killer]));
      expect(dead).toEqual([killer]);
      expect(acted.size).toBe(lanes.length - 1);
      expect(starts.filter(({ died, members }) => died && members.length === 1)).toHaveLength(2);
      // A death halves the company it was in, a life ends it: with what may have been left in other halves on the
      // way.
      expect(starts.length).toBeLessThanOrEqual(2 + 2 * Math.ceil(Math.log2(lanes.length)) + 3);
    }),
    { numRuns: 2_000 },
  );
});

test('R46: with several killers it comes to an end, and nobody else is blamed', () => {
  fc.assert(
    fc.property(batch, fc.uniqueArray(fc.nat(9), { minLength: 1, maxLength: 10 }), (lanes, some) => {
      const killers = new Set(some.map((at) => at % lanes.length));
      const { acted, dead } = course(lanes, killers);
      expect(new Set(dead)).toEqual(killers);
      expect(acted.size).toBe(lanes.length - killers.size);
    }),
    { numRuns: 1_000 },
  );
});

test('R46: a company is never larger than half of the last one of any of its members that ended without a word', () => {
  fc.assert(
    fc.property(batch, fc.nat(9), (lanes, at) => {
      const last = new Map<number, number>();
      for (const { members, died } of course(lanes, new Set([at % lanes.length])).starts) {
        for (const { name } of members) {
          const before = last.get(name);
          if (before !== undefined)
            expect(members.length).toBeLessThanOrEqual(Math.max(1, Math.floor(before / 2)));
        }
        if (died) for (const { name } of members) last.set(name, members.length);
      }
    }),
    { numRuns: 1_000 },
  );
});

test('R46: after an outage, when all look suspect and nobody is, all run at once', () => {
  fc.assert(
    fc.property(batch, (lanes) => {
      const { starts, acted } = course(lanes, new Set());
      expect(starts).toHaveLength(1);
      expect(acted.size).toBe(lanes.length);
    }),
  );
});

test('a lone death is no proof: a deployment may have been in the way', () => {
  expect([0, 1, 2, 3].map((alone) => hasDied({ alone, readable: true }))).toEqual([false, false, true, true]);
});

test('one that was never read is started once more: its receipt could not be looked for', () => {
  expect([1, 2, 3].map((alone) => hasDied({ alone, readable: false }))).toEqual([false, false, true]);
});

test.each([
  [{ alone: 0, company: 0 }, Infinity],
  [{ alone: 0, company: 10 }, 5],
  [{ alone: 0, company: 5 }, 2],
  [{ alone: 0, company: 3 }, 1],
  [{ alone: 0, company: 2 }, 1],
  [{ alone: 1, company: 1 }, 1],
  // An instance of another version may have started it in a company after it had died alone.
  [{ alone: 1, company: 8 }, 1],
])('of %j the next company has at most %d members', (known, size) => {
  expect(largestCompany(known)).toBe(size);
});

test('those that are least suspicious are started first, and no order within a lane is broken', () => {
  const suspect = (name: string, company: number) => ({ name, history: { alone: 0, company } });
  const fresh = suspect('fresh', 0);
  const behind = suspect('behind', 0);
  const old = suspect('old', 4);
  expect(nextCompany([[old, behind], [fresh]])).toEqual([fresh]);
  expect(nextCompany([[old, behind]])).toEqual([old]);
  expect(nextCompany([])).toEqual([]);
});
