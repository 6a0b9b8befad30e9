/**
 * The places between two durable steps at which a process may die. Proofs die at each of them, deliver again and
 * count effects. They cost one comparison with `undefined` while no proof has armed them.
 */
export const crashPoints = [
  /** A batch has come, nothing has been done. */
  'batch-received',
  /** Receipts of earlier deliveries have been read. */
  'receipts-recalled',
  /** The handlers have run, nothing has been sent. */
  'before-commit',
  /** DynamoDB has committed, nobody knows. */
  'after-commit',
  /** A message is about to be copied to the dead-letter queue. */
  'before-dead-letter',
  /** It has been copied, and is not acknowledged. */
  'after-dead-letter',
  /** Everything is durable, the answer to Lambda is not given. */
  'before-answer',
] as const;

/** Those on the way of a message that fails, and of a group that stops and goes on. */
export const failureCrashPoints = [
  /** The records that come again are known, their failures are not written down. */
  'before-attempts',
  /** They are written down, and the messages are as visible as before. */
  'after-attempts',
  /** A crash suspect is written down as started, and has not run. */
  'suspect-started',
  /** A dead letter is sent, its group or stream still flows. */
  'before-stop',
  /** The group is stopped, its head is not acknowledged. */
  'after-stop',
  /** Messages of a stopped group are in parking rows, and not acknowledged. */
  'after-parking',
  /** Parked messages have been committed again, their rows do not say so. */
  'before-advance',
  /** The rows say so, the group is not open yet. */
  'after-advance',
] as const;

/** Those on the way of an event from the outbox to its targets. */
export const relayCrashPoints = [
  /** The relay is about to send events to their targets. */
  'before-send',
  /** The targets have accepted events, which are not marked. */
  'after-send',
  /** Sent events are marked, the stream does not know. */
  'after-mark',
] as const;

/** Those on the way of an effect under a lease (`tx.once`) and of a job. */
export const leaseCrashPoints = [
  /** The lease is claimed, the effect has not begun. */
  'lease-claimed',
  /** The effect has happened, nobody has written it down. */
  'effect-done',
  /** Its outcome is written down, the caller does not know. */
  'lease-completed',
] as const;

export type CrashPoint =
  | (typeof crashPoints)[number]
  | (typeof failureCrashPoints)[number]
  | (typeof relayCrashPoints)[number]
  | (typeof leaseCrashPoints)[number];

/** What happens at a crash point: it returns to go on, throws, never resolves, or does not live to return. */
export type CrashHook = (point: CrashPoint) => void | Promise<void>;

let hook: CrashHook | undefined;

/** For proofs only. @param armed what to do at every crash point; undefined disarms. */
export function armCrashPoints(armed: CrashHook | undefined): void {
  hook = armed;
}

export async function crashPoint(point: CrashPoint): Promise<void> {
  if (hook !== undefined) await hook(point);
}
