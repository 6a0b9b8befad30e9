import { InvalidSettings } from '../../../dedup/errors.js';
import { rangesOf } from './address.js';
import type { Guard, Lookup } from './destination.js';

/** What endpoints may be. */
export interface GuardOptions {
  /** Lets endpoints be `http:`. For tests, and inside a network of your own. @default false */
  readonly allowHttp?: boolean;
  /** Special ranges that may be connected to all the same, such as `10.1.0.0/16`. @default - none */
  readonly allowedRanges?: readonly string[];
  /** All addresses of a name. @default - the system's resolver */
  readonly lookup?: Lookup;
}

/** @throws InvalidSettings for what is no range. */
export function guardOf({ allowHttp, allowedRanges, lookup }: GuardOptions): Guard {
  try {
    return { allowHttp, lookup, ...(allowedRanges && { allowed: rangesOf(allowedRanges) }) };
  } catch (error) {
    throw new InvalidSettings([`allowedRanges: ${error instanceof Error ? error.message : String(error)}`]);
  }
}
