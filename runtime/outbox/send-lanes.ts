import { crashPoint } from '../dedup/crash-points.js';
import { sleep } from '../dedup/sleep.js';
import type { RelayedEvent } from './envelope.js';
import { lanesOf, type Lane, type LaneStream } from './lanes.js';
import type { RunClock } from './run-clock.js';
import { sendCall } from './send-call.js';
import type { TargetHealth } from './target-health.js';
import {
  entriesPerCall,
  TargetLeftOut,
  TargetTimedOut,
  TooLargeForTarget,
  type CallLimits,
  type RelayTarget,
} from './targets/target.js';

/** Calls to one target that are under way at a time. */
const callsAtOnce = 8;
/** How often an event is tried in one run, and how long it waits in between. */
const retry = { most: 4, baseMs: 50, capMs: 800 };
const anySize: CallLimits = { events: entriesPerCall, bytes: Infinity, sizeOf: () => 0 };

/** Where a stream stopped, and why; without an error: there was no time for it. */
export interface Stop {
  readonly version: bigint;
  readonly error?: unknown;
}

interface Rules {
  readonly clock: RunClock;
  readonly health: TargetHealth | undefined;
  /** Whether the target keeps the others waiting. */
  readonly isSlow: () => boolean;
}

/**
 * Sends what one target is to get: each lane in order, several events of it in one call, lanes side by side. What is
 * not accepted is tried a few times; then its stream stops there.
 *
 * @returns the streams that were not sent to their end
 */
export async function sendLanes(
  streams: readonly LaneStream[],
  target: RelayTarget,
  { clock, health, isSlow }: Rules,
): Promise<Map<string, Stop>> {
  const { call = anySize, types } = target;
  const stopped = new Map<string, Stop>();
  const ready = lanesOf(streams, types, call.events);
  let busy = 0;
  const stop = ({ stream, version }: RelayedEvent, lane: Lane, error?: unknown) => {
    if (!stopped.has(stream)) stopped.set(stream, { version, error });
    lane.waiting = lane.waiting.filter((event) => event.stream !== stream);
  };
  const stopAll = (error?: unknown) => {
    for (const lane of ready.splice(0)) for (const event of [...lane.waiting]) stop(event, lane, error);
  };

  const work = async () => {
    while (ready.length > 0 || busy > 0) {
      const why = reasonToStop(target.name, { clock, health, isSlow });
      if (why !== undefined) {
        stopAll(why.error);
        return;
      }
      const taken = take(ready, call, (event, lane, bytes) =>
        stop(event, lane, new TooLargeForTarget(target.name, bytes, call.bytes)),
      );
      if (taken.length === 0) {
        await sleep(5);
        continue;
      }
      busy += 1;
      await crashPoint('before-send');
      const answer = await sendCall(
        target,
        taken.flatMap(({ events }) => events),
        clock.callMs(),
      );
      await crashPoint('after-send');
      busy -= 1;
      if (answer.failure === undefined) health?.took();
      else health?.failed(answer.failure.error, Date.now() + clock.leftMs());
      for (const { lane, events } of taken) {
        settle(lane, events, answer, { most: call.events, alone: taken.length === 1, stop });
        if (lane.waiting.length > 0) ready.push(lane);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(callsAtOnce, ready.length) }, work));
  return stopped;
}

function reasonToStop(
  name: string,
  { clock, health, isSlow }: Rules,
): { readonly error?: unknown } | undefined {
  if (!clock.mayBegin()) return {};
  const out = health?.leftOutFor;
  if (out !== undefined) return { error: new TargetLeftOut(name, out) };
  if (!isSlow()) return undefined;
  const cause = new TargetTimedOut(name, clock.givenMs / 3);
  health?.leaveOut(cause, Date.now() + clock.leftMs());
  return { error: cause };
}

interface Taken {
  readonly lane: Lane;
  readonly events: readonly RelayedEvent[];
}

/** Takes lanes for one call: of each its head, as much as the call has room for. */
function take(
  ready: Lane[],
  call: CallLimits,
  tooLarge: (event: RelayedEvent, lane: Lane, bytes: number) => void,
): Taken[] {
  const taken: Taken[] = [];
  let [count, bytes] = [0, 0];
  const now = Date.now();
  for (let i = 0; i < ready.length && count < call.events;) {
    const lane = ready[i];
    // One whose call has failed goes alone: its neighbours must not suffer for it.
    const alone = lane !== undefined && lane.most < call.events;
    if (lane === undefined || lane.notBefore > now || (alone && count > 0)) {
      i += 1;
      continue;
    }
    const events: RelayedEvent[] = [];
    while (events.length < lane.most && count < call.events) {
      const event = lane.waiting[events.length];
      if (event === undefined) break;
      const size = call.sizeOf(event);
      if (size > call.bytes) {
        if (events.length > 0) break;
        tooLarge(event, lane, size);
        continue;
      }
      if (bytes + size > call.bytes) break;
      events.push(event);
      count += 1;
      bytes += size;
    }
    if (events.length === 0 && lane.waiting.length > 0) {
      // No room is left for it in this call.
      i += 1;
      continue;
    }
    ready.splice(i, 1);
    if (events.length > 0) taken.push({ lane, events });
    if (alone) break;
  }
  return taken;
}

interface Settling {
  readonly most: number;
  /** The call had nothing of other lanes. */
  readonly alone: boolean;
  readonly stop: (event: RelayedEvent, lane: Lane, error?: unknown) => void;
}

/**
 * What a call's answer means for a lane. Of each stream only what was accepted before its first refusal counts: what
 * is behind it is sent again in order, although the target may have taken it
 * (docs/decisions/0011-positions-per-target.md).
 */
function settle(
  lane: Lane,
  events: readonly RelayedEvent[],
  { refused, failure }: Awaited<ReturnType<typeof sendCall>>,
  { most, alone, stop }: Settling,
): void {
  const firstRefused = new Map<string, RelayedEvent>();
  for (const event of events)
    if ((failure !== undefined || refused.has(event)) && !firstRefused.has(event.stream))
      firstRefused.set(event.stream, event);
  const done = new Set(
    events.filter(({ stream, version }) => {
      const first = firstRefused.get(stream);
      return first === undefined || version < first.version;
    }),
  );
  lane.waiting = lane.waiting.filter((event) => !done.has(event));
  if (firstRefused.size === 0) {
    [lane.most, lane.attempts] = [most, 0];
    return;
  }
  // Halved, until the one is alone whose fault it may be. That is no try of it.
  const narrowed = failure !== undefined && (!alone || events.length > 1);
  if (narrowed) lane.most = Math.max(1, Math.min(lane.most - 1, Math.floor(events.length / 2)));
  if (done.size > 0) lane.attempts = 0;
  lane.attempts += narrowed ? 0 : 1;
  if (lane.attempts >= retry.most || failure?.error instanceof TargetTimedOut)
    for (const event of firstRefused.values())
      stop(event, lane, failure === undefined ? refused.get(event) : failure.error);
  lane.notBefore = Date.now() + Math.random() * Math.min(retry.capMs, retry.baseMs * 2 ** lane.attempts);
}
