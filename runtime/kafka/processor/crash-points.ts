/** The places between two steps of a Kafka transaction at which a process may die. */
export const processorCrashPoints = [
  /** Records have come and were handled, no transaction is open. */
  'before-begin',
  /** What they send is on its way to the brokers, in an open transaction. */
  'after-produce',
  /** The offsets are in the transaction, it is not committed. */
  'after-offsets',
  /** It is committed, this process has not noted so. */
  'after-transaction',
] as const;

export type ProcessorCrashPoint = (typeof processorCrashPoints)[number];

let hook: ((point: ProcessorCrashPoint) => void | Promise<void>) | undefined;

/** For proofs only. @param armed what to do at every crash point; undefined disarms. */
export function armProcessorCrashPoints(armed: typeof hook): void {
  hook = armed;
}

export async function processorCrashPoint(point: ProcessorCrashPoint): Promise<void> {
  if (hook !== undefined) await hook(point);
}
