import { ExactlyOnceError } from '../../dedup/errors.js';
import type { OutboxRow } from '../row.js';

/** Where the relay sends events. */
export interface RelayTarget {
  /** Tells the targets of one relay apart: an ARN, a URL. */
  readonly name: string;
  /** Event types that are sent here. @default - all */
  readonly types?: readonly string[];
  /**
   * Sends the rows, of which no two are of one group. Never throws.
   *
   * @returns the rows that were not accepted, or of which that is not known, each with the reason
   */
  send(rows: readonly OutboxRow[]): Promise<Map<OutboxRow, unknown>>;
}

/** A target did not take an event. */
export class NotAccepted extends ExactlyOnceError {
  override name = 'NotAccepted';
  constructor(
    readonly target: string,
    readonly code: string,
    problem: string,
  ) {
    super(`'${target}' did not accept the event: ${code}: ${problem}`);
  }
}

/** One entry of an answer that names what it did not accept. */
export interface RefusedEntry {
  readonly row: OutboxRow | undefined;
  readonly code: string | undefined;
  readonly message: string | undefined;
}

/**
 * Sends the rows in calls of at most 10 entries and the given bytes, side by side: no two are of one group.
 *
 * @param call sends one call and returns what it refused; when it throws, all of it counts as not accepted
 */
export async function inCalls(
  target: string,
  rows: readonly OutboxRow[],
  most: { readonly bytes: number; readonly sizeOf: (row: OutboxRow) => number },
  call: (rows: readonly OutboxRow[]) => Promise<readonly RefusedEntry[]>,
): Promise<Map<OutboxRow, unknown>> {
  const refused = new Map<OutboxRow, unknown>();
  await Promise.all(
    chunks(rows, most).map(async (chunk) => {
      try {
        for (const { row, code = 'unknown', message = 'no message' } of await call(chunk))
          if (row !== undefined) refused.set(row, new NotAccepted(target, code, message));
      } catch (error) {
        for (const row of chunk) refused.set(row, error);
      }
    }),
  );
  return refused;
}

const entriesPerCall = 10;

function chunks(
  rows: readonly OutboxRow[],
  { bytes, sizeOf }: { readonly bytes: number; readonly sizeOf: (row: OutboxRow) => number },
): OutboxRow[][] {
  const all: OutboxRow[][] = [];
  let size = Infinity;
  for (const row of rows) {
    const own = sizeOf(row);
    const last = all.at(-1);
    if (last === undefined || last.length === entriesPerCall || size + own > bytes) {
      all.push([row]);
      size = own;
    } else {
      last.push(row);
      size += own;
    }
  }
  return all;
}

/**
 * SQS and SNS take the characters of XML 1.0. Of those that JSON leaves as they are, two are not among them; in JSON
 * they may as well be escaped.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
export function bodyOf({ event }: OutboxRow): string {
  return event.replaceAll('\uFFFE', '\\uFFFE').replaceAll('\uFFFF', '\\uFFFF');
}
