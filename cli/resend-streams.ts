import { randomUUID } from 'node:crypto';
import type { OutboxAccess } from '../runtime/outbox/outbox-access.js';
import { keptStreams, resend, type KeptStream, type Since } from '../runtime/outbox/resend.js';
import { streamName, type StreamName } from '../runtime/outbox/row.js';

export interface ResendOrder extends Since {
  /** Only this stream. @default - all */
  readonly stream?: string;
  /** Which streams, by their names. @default - all */
  readonly wanted?: (name: StreamName) => boolean;
  /** Whole name of the one target that is to get it. @default - every target */
  readonly target?: string;
  readonly reason: string;
  readonly dryRun: boolean;
  readonly onProgress?: (report: ResendReport) => void;
}

export interface ResendReport {
  readonly dryRun: boolean;
  /** Streams that are listed to be sent again. */
  streams: number;
  /** Events in them, from the first one that is sent again. */
  events: number;
  /** Streams that have nothing of that time. */
  nothing: number;
  /** Streams whose first events are past the retention of the outbox, with the version that they begin with. */
  readonly cut: { readonly stream: string; readonly oldest: string }[];
}

/** Writes of entries that are under way at once. */
const atOnce = 16;

/**
 * Lists streams to be sent again: the sweep sends them. Killed and run again it lists what is left, and what it had
 * listed once more, which makes copies that consumers recognise.
 *
 * @throws what the SDK throws
 */
export async function resendStreams(access: OutboxAccess, order: ResendOrder): Promise<ResendReport> {
  const report: ResendReport = { dryRun: order.dryRun, streams: 0, events: 0, nothing: 0, cut: [] };
  const salt = randomUUID();
  const underWay = new Set<Promise<unknown>>();
  for await (const kept of keptStreams(access, order, order.stream)) {
    const name = streamName(kept.stream);
    if (name === undefined || order.wanted?.(name) === false) continue;
    const { from } = kept;
    if (from === undefined) {
      report.nothing += 1;
      continue;
    }
    // What came before the oldest one that is kept may belong to the time that was asked for, too.
    if (from === kept.oldest && !kept.whole)
      report.cut.push({ stream: kept.stream, oldest: String(kept.oldest) });
    report.streams += 1;
    report.events += Number(kept.newest - from + 1n);
    if (!order.dryRun) await started(underWay, list(access, kept, from, salt, order));
    order.onProgress?.(report);
  }
  await Promise.all(underWay);
  return report;
}

async function list(
  access: OutboxAccess,
  kept: KeptStream,
  from: bigint,
  salt: string,
  { target, reason }: ResendOrder,
): Promise<void> {
  await resend(access, { kept, from, target, reason, salt });
}

/** Waits while too many are under way. */
async function started(underWay: Set<Promise<unknown>>, one: Promise<unknown>): Promise<void> {
  underWay.add(one);
  void one.then(
    () => underWay.delete(one),
    () => undefined,
  );
  if (underWay.size >= atOnce) await Promise.race(underWay);
}
