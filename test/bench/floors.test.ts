import { floorEngine } from '../../bench/engine.js';
import { floors, judge, type Floor } from '../../bench/floors.js';
import { committedResults, type Result } from '../../bench/results.js';

let results: Map<string, Result>;
beforeAll(async () => {
  results = await committedResults();
});

test.each(floors.filter(({ missedBecause }) => missedBecause === undefined))(
  'committed results reach the floor: $promise',
  (floor) => {
    const [verdict] = judge(results, [floor]);
    expect(verdict?.miss).toBeUndefined();
  },
);

test.each(floors.filter(({ missedBecause }) => missedBecause !== undefined))(
  'a floor that is said to be missed is measured, and missed: $promise',
  (floor) => {
    const [verdict] = judge(results, [floor]);
    expect(verdict?.ours).not.toBeNull();
    expect(verdict?.miss).toBeDefined();
  },
);

describe('a floor is missed', () => {
  const floor = (must: Floor['must']): Floor => ({
    promise: 'speed of light',
    benchmark: 'optics',
    measure: 'speed',
    case: 'in vacuum',
    must,
  });
  const measured = (ours: number | null, engine = floorEngine): Map<string, Result> => {
    const row = { measure: 'speed', case: 'in vacuum', ours, peer: 1, peerName: 'sound', unit: 'm/s' };
    const machine = { cpu: 'any', cores: 1, memoryGB: 1, os: 'any' };
    const result: Result = {
      name: 'optics',
      about: 'light',
      date: '2026-01-01',
      engine,
      machine,
      versions: {},
      runs: 1,
      notMeasured: [],
      rows: [row],
    };
    return new Map([['optics', result]]);
  };
  const missOf = (given: Map<string, Result>, must: Floor['must']) => judge(given, [floor(must)])[0]?.miss;

  test('by a figure on the wrong side, and the miss names the floor and both figures', () => {
    expect(missOf(measured(4), { atMost: 3 })).toBe('speed of light: must be at most 3, is 4');
    expect(missOf(measured(4), { atLeast: 5 })).toBe('speed of light: must be at least 5, is 4');
    expect(missOf(measured(4), { atMost: 4 })).toBeUndefined();
    expect(missOf(measured(4), { atLeast: 4 })).toBeUndefined();
  });

  test('by what was not measured, or on an engine that the floor is not stated for', () => {
    expect(missOf(new Map(), { atLeast: 1 })).toContain("there is no result of 'optics'");
    expect(missOf(measured(null), { atLeast: 1 })).toContain("no 'speed' of 'in vacuum'");
    expect(missOf(measured(4, 'an emulator'), { atLeast: 1 })).toContain('measured on an emulator');
  });
});
