/**
 * The places between two durable steps at which a process may die. Proofs die at each of them, deliver again and count effects.
 * They cost one comparison with `undefined` while no proof has armed them.
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

export type CrashPoint = (typeof crashPoints)[number];

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
