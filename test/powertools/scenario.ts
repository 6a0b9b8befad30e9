import { setTimeout as sleep } from 'node:timers/promises';
import type { Call, Pay, SideBySide, Told } from './side-by-side.js';

/** What came of it: effects in the engine, counted by no key, and what the callers were told. */
export interface Found {
  readonly effects: number;
  readonly told: readonly Told[];
}

/** Plays a scenario to one of the two. */
export type Side = (both: SideBySide, pay: Pay & { readonly key: string }) => Promise<Told[]>;

export interface Scenario {
  /** As in the table of docs/powertools.md. */
  readonly what: string;
  /** Where users have reported it: numbers of Powertools' issues, `TS 5715`, or what its documentation says. */
  readonly reported: readonly string[];
  readonly theirs: Side;
  readonly ours: Side;
  readonly found: { readonly theirs: Found; readonly ours: Found };
}

/** A claim of so many milliseconds, and a pause after which it is over. */
export const claimMs = 200;
export const overMs = 1_200;

/** A request, and its retry. */
export const twice =
  (call: (both: SideBySide) => Call, pauseMs = 0): Side =>
  async (both, pay) => {
    const on = call(both);
    const first = await on(pay);
    await sleep(pauseMs);
    return [first, await on(pay)];
  };

/** How often each was told: `9 done`. */
export const tally = (told: readonly Told[]): Told[] =>
  [...new Set(told)]
    .sort()
    .reverse()
    .map((one) => `${told.filter((other) => other === one).length} ${one}`);
