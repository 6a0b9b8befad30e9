import { crashPoint } from '../dedup/crash-points.js';
import { sleep } from '../dedup/sleep.js';
import { NotAccepted, TargetLeftOut, TargetTimedOut, TooLargeForTarget } from './errors.js';
import type { Lane } from './lane.js';
import { isGone, isThrottling } from './refusal.js';
import { sendCall, type CallAnswer } from './send-call.js';
import { steadyNow } from '../dedup/steady-now.js';
import { entriesPerCall, type CallLimits, type Sendable, type SendTarget } from './target.js';
import type { TargetHealth } from './target-health.js';

/** Calls to one target that are under way at a time. */
const callsAtOnce = 8;
/** How often an entry is tried in one run, and how long it waits in between. */
const defaultRetry: Retry = { most: 4, baseMs: 50, capMs: 800, stopsAtTimeout: true };
const anySize: CallLimits<never> = { events: entriesPerCall, bytes: Infinity, sizeOf: () => 0 };

/** How often something is tried. */
export interface Retry {
  readonly most: number;
  readonly baseMs: number;
  readonly capMs: number;
  /** A call that was not answered in time is not tried again: others need the rest of the time. */
  readonly stopsAtTimeout: boolean;
}

/** The time of a run, as far as sending needs to know it. */
export interface SendClock {
  readonly givenMs: number;
  /** Whether something new may begin. */
  mayBegin(): boolean;
  /** Longest time that a call may take if it begins now, in milliseconds. */
  callMs(): number;
  leftMs(): number;
}

/** Where a stream stopped, and why; without an error: there was no time for it. */
export interface Stop {
  readonly version: bigint;
  readonly error?: unknown;
}

export interface SendRules<E> {
  readonly clock: SendClock;
  readonly health?: TargetHealth;
  /** Whether the target keeps the others waiting. @default - it does not */
  readonly isSlow?: () => boolean;
  /** @default - 4 tries, 50 to 800 ms apart */
  readonly retry?: Retry;
  /**
   * Why lanes leave this target, if they are to. One of which something may have been accepted without anybody
   * knowing is tried here first until that is known (R32).
   */
  readonly leave?: () => Error | undefined;
  /** Told of every answer. */
  readonly onAnswer?: (sent: readonly E[], answer: CallAnswer<E>) => void;
}

/**
 * Sends what one target is to get: each lane in order, several events of it in one call, lanes side by side. What is
 * not accepted is tried a few times; then its stream stops there.
 *
 * @returns the streams that were not sent to their end
 */
export async function sendLanes<E extends Sendable>(
  lanes: readonly Lane<E>[],
  target: SendTarget<E>,
  rules: SendRules<E>,
): Promise<Map<string, Stop>> {
  const call: CallLimits<E> = target.call ?? anySize;
  const { clock, health, retry = defaultRetry } = rules;
  const stopped = new Map<string, Stop>();
  const ready = [...lanes];
  let busy = 0;
  const stop = ({ stream, version }: E, lane: Lane<E>, error?: unknown) => {
    if (!stopped.has(stream)) stopped.set(stream, { version, error });
    lane.waiting = lane.waiting.filter((event) => event.stream !== stream);
  };
  const stopAll = (lanes: readonly Lane<E>[], error?: unknown) => {
    for (const lane of lanes) for (const event of [...lane.waiting]) stop(event, lane, error);
  };

  const work = async () => {
    while (ready.length > 0 || busy > 0) {
      const why = reasonToStop(target.name, rules);
      if (why !== undefined) {
        stopAll(ready.splice(0), why.error);
        return;
      }
      const elsewhere = rules.leave?.();
      if (elsewhere !== undefined) stopAll(takeAway(ready, isClear), elsewhere);
      const taken = take(ready, call, (event, lane, bytes) =>
        stop(event, lane, new TooLargeForTarget(target.name, bytes, call.bytes)),
      );
      if (taken.length === 0) {
        await sleep(5);
        continue;
      }
      busy += 1;
      await crashPoint('before-send');
      const sent = taken.flatMap(({ events }) => events);
      const answer = await sendCall(target, sent, clock.callMs());
      await crashPoint('after-send');
      busy -= 1;
      rules.onAnswer?.(sent, answer);
      if (answer.failure === undefined) health?.took();
      else health?.failed(answer.failure.error, steadyNow() + clock.leftMs());
      for (const { lane, events } of taken) {
        settle(lane, events, answer, { retry, alone: taken.length === 1, stop });
        if (lane.waiting.length > 0) ready.push(lane);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(callsAtOnce, ready.length) }, work));
  return stopped;
}

function isClear({ inDoubt }: Lane<unknown>): boolean {
  return !inDoubt;
}

function takeAway<T>(list: T[], wanted: (one: T) => boolean): T[] {
  const taken = list.filter(wanted);
  list.splice(0, list.length, ...list.filter((one) => !taken.includes(one)));
  return taken;
}

function reasonToStop(
  name: string,
  { clock, health, isSlow }: Pick<SendRules<never>, 'clock' | 'health' | 'isSlow'>,
): { readonly error?: unknown } | undefined {
  if (!clock.mayBegin()) return {};
  const out = health?.leftOutFor;
  if (out !== undefined) return { error: new TargetLeftOut(name, out) };
  if (isSlow?.() !== true) return undefined;
  const cause = new TargetTimedOut(name, clock.givenMs / 3);
  health?.leaveOut(cause, steadyNow() + clock.leftMs());
  return { error: cause };
}

interface Taken<E> {
  readonly lane: Lane<E>;
  readonly events: readonly E[];
}

/** Takes lanes for one call: of each its head, as much as the call has room for. */
function take<E>(
  ready: Lane<E>[],
  call: CallLimits<E>,
  tooLarge: (event: E, lane: Lane<E>, bytes: number) => void,
): Taken<E>[] {
  const taken: Taken<E>[] = [];
  let [count, bytes] = [0, 0];
  const now = steadyNow();
  for (let i = 0; i < ready.length && count < call.events;) {
    const lane = ready[i];
    // One whose call has failed goes alone: its neighbours must not suffer for it.
    const alone = lane !== undefined && lane.most < lane.atOnce;
    if (lane === undefined || lane.notBefore > now || (alone && count > 0)) {
      i += 1;
      continue;
    }
    const events: E[] = [];
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

interface Settling<E> {
  readonly retry: Retry;
  /** The call had nothing of other lanes. */
  readonly alone: boolean;
  readonly stop: (event: E, lane: Lane<E>, error?: unknown) => void;
}

/**
 * What a call's answer means for a lane. Of each stream only what was accepted before its first refusal counts: what
 * is behind it is sent again in order, although the target may have taken it
 * (docs/decisions/0011-positions-per-target.md).
 */
function settle<E extends Sendable>(
  lane: Lane<E>,
  events: readonly E[],
  { refused, failure }: CallAnswer<E>,
  { retry, alone, stop }: Settling<E>,
): void {
  const firstRefused = new Map<string, E>();
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
  const throttled = failure !== undefined && isThrottling(failure.error);
  lane.inDoubt = failure !== undefined && !throttled && !isGone(failure.error);
  if (firstRefused.size === 0) {
    [lane.most, lane.attempts] = [lane.atOnce, 0];
    return;
  }
  // Halved, until the one is alone whose fault it may be. That is no try of it. Throttling is nobody's fault.
  const narrowed = failure !== undefined && !throttled && (!alone || events.length > 1);
  if (narrowed) lane.most = Math.max(1, Math.min(lane.most - 1, Math.floor(events.length / 2)));
  if (done.size > 0) lane.attempts = 0;
  lane.attempts += narrowed ? 0 : 1;
  const over =
    lane.attempts >= retry.most || (retry.stopsAtTimeout && failure?.error instanceof TargetTimedOut);
  for (const event of firstRefused.values()) {
    const error = failure === undefined ? refused.get(event) : failure.error;
    if (over || (error instanceof NotAccepted && error.kind === 'final')) stop(event, lane, error);
  }
  const wait = Math.min(retry.capMs, retry.baseMs * 2 ** Math.min(lane.attempts, 10));
  lane.notBefore = steadyNow() + Math.random() * wait;
}
