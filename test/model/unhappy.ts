import * as fc from 'fast-check';
import { killers, outsideKinds, type EffectKind, type Faults, type MessageSpec } from './scenario.js';
import type { Nature, Scenario, WayName } from './scenario.js';

/** What the unhappy half is made of. A run has one of them, or all. */
export const unhappyKinds = [
  'reads',
  'killers',
  'throttled',
  'halves',
  'stop',
  'sizes',
  'numbers',
  'failures',
  'once',
] as const;
export type UnhappyKind = (typeof unhappyKinds)[number];

/** What a run of the unhappy half has beside messages and faults. */
export interface Unhappy {
  readonly onFailure: 'skip' | 'stop';
  /** At some time the consumer is deployed anew, with the other of the two. FIFO and aggregates only. */
  readonly redeploys: boolean;
  readonly maxFailures: number;
  /** DynamoDB has no throughput for some requests. */
  readonly throttled: boolean;
  /** DynamoDB leaves some keys of batches unprocessed. */
  readonly halves: boolean;
  /** Somebody resumes and skips stopped groups at any time. */
  readonly operators: boolean;
  /** Handlers make effects outside, and time passes. Transaction way only. */
  readonly once: boolean;
}

interface Menu {
  readonly natures: readonly Nature[];
  /** Transaction way only. */
  readonly kinds: readonly EffectKind[];
  readonly ballasts: readonly number[];
}

/** Near SQS's 1 MiB, just beyond what fits into an item of DynamoDB, and neither. */
const sizes = [1_040_000, 395_000, 0];
const plain: Menu = { natures: ['sound', 'poison', 'flaky'], kinds: ['add', 'get'], ballasts: [0] };

const menus: Record<UnhappyKind, Menu> = {
  reads: { ...plain, natures: ['sound', 'sound', 'flaky'], kinds: ['deposit', 'withdraw', 'insist', 'add'] },
  killers: { ...plain, natures: ['sound', 'sound', 'sound', 'flaky', ...killers] },
  throttled: { ...plain, natures: ['sound', 'sound', 'flaky'], kinds: ['add', 'get', 'deposit', 'withdraw'] },
  halves: { ...plain, natures: ['sound', 'sound', 'poison'] },
  stop: { ...plain, natures: ['sound', 'sound', 'poison', 'flaky', 'broken', 'reused'] },
  sizes: { ...plain, ballasts: sizes },
  numbers: { ...plain, natures: ['sound', 'near'], kinds: ['amount'] },
  failures: { ...plain, natures: ['sound', 'poison', 'flaky', 'broken', 'reused'] },
  once: { ...plain, natures: ['sound', 'sound', 'sound', 'flaky', 'reused'], kinds: outsideKinds },
};

function message(way: WayName, { natures, kinds, ballasts }: Menu): fc.Arbitrary<MessageSpec> {
  return fc.record({
    group: fc.nat(1),
    nature: fc.constantFrom(...natures),
    kind: way === 'transaction' ? fc.constantFrom(...kinds) : fc.constant('add' as const),
    copies: fc.nat(1),
    big: fc.constant(false),
    ballast: fc.constantFrom(...ballasts),
  });
}

/**
 * Faults under which it cannot be told who killed a process, or whose failure it was, are off in three of four runs.
 */
function blameable(faults: Faults, n: number): Faults {
  return n === 0 ? faults : { ...faults, crash: false, zombies: false, pauses: false };
}

/** Gives a scenario the unhappy half: other messages, and what a run of it has beside them. */
export function unhappyScenarios(
  way: WayName,
  kind: UnhappyKind | 'all',
  base: fc.Arbitrary<Scenario>,
): fc.Arbitrary<Scenario> {
  const has = (one: UnhappyKind) => kind === one || kind === 'all';
  const chosen = kind === 'all' ? unhappyKinds : [kind];
  return fc
    .record({
      scenario: base,
      messages: fc.oneof(
        ...chosen.map((one) =>
          fc.array(message(way, menus[one]), {
            minLength: 1,
            maxLength: one === 'sizes' ? 4 : 8,
            size: 'max',
          }),
        ),
      ),
      n: fc.nat(3),
      stop: fc.boolean(),
      redeploys: fc.boolean(),
      maxFailures: fc.integer({ min: 1, max: 4 }),
    })
    .map(({ scenario, messages, n, stop, redeploys: mayRedeploy, maxFailures }) => {
      const canStop = scenario.fifo || way === 'aggregate';
      const redeploys = canStop && has('stop') && mayRedeploy;
      const alwaysStops = !redeploys && (kind === 'stop' || way === 'aggregate');
      return {
        ...scenario,
        messages,
        faults: {
          ...(kind === 'once' ? scenario.faults : blameable(scenario.faults, n)),
          reaper: false,
          jumps: false,
          skew: false,
          strangers: false,
        },
        unhappy: {
          onFailure: canStop && (stop || alwaysStops) ? 'stop' : 'skip',
          redeploys,
          maxFailures,
          throttled: has('throttled'),
          halves: has('halves'),
          operators: has('stop'),
          once: has('once') && way === 'transaction',
        },
      };
    });
}
