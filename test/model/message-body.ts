import * as z from 'zod/mini';
import { allKinds, type MessageSpec } from './scenario.js';

/** What the producer writes. */
export const Body = z.object({
  /** Business key. */
  id: z.string(),
  /** Key and payload: what shows which of two payloads acted. */
  token: z.string(),
  group: z.string(),
  kind: z.enum(allKinds),
  /** Who counts the versions, and which this is. */
  source: z.string(),
  version: z.string(),
  /** Ballast. */
  note: z.optional(z.string()),
  /** A number that no double can hold. */
  amount: z.optional(z.union([z.number(), z.bigint()])),
});
export type Body = z.infer<typeof Body>;

/** A message as the producer means it. Its copies carry the same. */
export interface Intent extends Body {
  readonly nature: MessageSpec['nature'];
  /** MessageGroupId. */
  readonly lane: string;
  readonly text: string;
  readonly copies: number;
  /** The digits of the amount, as they stand in the text. */
  readonly digits?: string;
}

const bigBallast = 45_000;
const ballasts = new Map<number, string>();

/** Made once of each length. */
function ballastOf({ big, ballast = big ? bigBallast : 0 }: MessageSpec): string | undefined {
  if (ballast === 0) return undefined;
  const made = ballasts.get(ballast) ?? '.'.repeat(ballast);
  ballasts.set(ballast, made);
  return made;
}

/** Beyond 2^53, odd, and so next to each other that to a double they are one, or its neighbour. */
const amountOf = (i: number) => String(9_007_199_254_740_993n + 2n * BigInt(i));

function textOf(body: Body, digits: string | undefined): string {
  const text = JSON.stringify(body);
  return digits === undefined ? text : text.replace(/}$/, `,"amount":${digits}}`);
}

/** No JSON, but the token can be found in it. */
const brokenText = (token: string) => `{broken ${token}|`;

/** @param spread whether the messages of one group go through two lanes. */
export function intentsOf(specs: readonly MessageSpec[], prefix: string, spread: boolean): Intent[] {
  const versions = new Map<string, number>();
  const intents: Intent[] = [];
  for (const [i, spec] of specs.entries()) {
    const { group, nature, kind, copies } = spec;
    const before = intents.at(-1);
    const wantsReuse = nature === 'reused' || nature === 'near';
    const reuses = wantsReuse && before !== undefined && before.nature !== 'broken';
    // Two producers count for themselves; one has a name that JavaScript's objects treat as special.
    const source = group === 2 && i % 2 === 1 ? '__proto__' : 'till';
    const counted = versions.get(`${group} ${source}`) ?? 0;
    if (!reuses && nature !== 'broken') versions.set(`${group} ${source}`, counted + 1);
    const id = reuses ? before.id : `m${i}`;
    const place = reuses
      ? { group: before.group, source: before.source, version: before.version }
      : { group: `${prefix}g${group}`, source, version: nature === 'broken' ? '0' : String(counted + 1) };
    const token = `${id}:${i}`;
    const digits = kind === 'amount' ? amountOf(i) : undefined;
    const body: Body = { id: `${prefix}${id}`, token, kind, ...place, note: ballastOf(spec) };
    intents.push({
      ...body,
      nature: wantsReuse && !reuses ? 'sound' : nature,
      // A reused key may come through any group.
      lane: `${prefix}g${group}${spread ? `-${i % 2}` : ''}`,
      text: nature === 'broken' ? brokenText(token) : textOf(body, digits),
      digits,
      copies,
    });
  }
  return intents;
}

/** The token in a body, also in one that is no JSON. */
export function tokenIn(text: string): string {
  const token = /"token":"([^"]+)"|\{broken ([^|]+)\|/.exec(text);
  return token?.[1] ?? token?.[2] ?? '';
}
