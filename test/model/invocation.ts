import type { SQSRecord } from 'aws-lambda';
import type { Resident } from './model-time.js';
import type { BatchSummary, CrashPoint } from './runtime-under-test.js';
import type { World } from './world.js';

const timeoutMs = 30_000;

/** One instance of the function: what it remembers is in its handler, and goes with it. */
export interface FunctionInstance {
  readonly name: string;
  readonly handler: (
    event: { Records: SQSRecord[] },
    context: { getRemainingTimeInMillis: () => number },
  ) => Promise<{ batchItemFailures: { itemIdentifier: string }[] }>;
  /** How far its clock is ahead. */
  readonly skewMs: number;
  isAlive: boolean;
  isBusy: boolean;
}

/** One batch in one instance. */
export class Invocation implements Resident {
  summary: BatchSummary | undefined;
  /** Length of the journal of effects when it began. */
  readonly actedBefore: number;
  readonly #startedAt: number;

  constructor(
    private readonly world: World,
    readonly instance: FunctionInstance,
    readonly name: string,
  ) {
    this.#startedAt = world.now;
    this.actedBefore = world.effects.journal.length;
  }

  get isAlive(): boolean {
    return this.instance.isAlive;
  }
  die(): void {
    this.instance.isAlive = false;
  }
  now(): number {
    return this.world.now + this.instance.skewMs;
  }
  remainingMs(): number {
    return timeoutMs - (this.world.now - this.#startedAt);
  }
  async atCrashPoint(point: CrashPoint): Promise<void> {
    return this.world.danger(point, this);
  }
  async sleep(ms: number): Promise<void> {
    return this.world.sleep(this, ms);
  }
  timer(ms: number, ring: () => void): () => void {
    return this.world.timer(this, ms, ring);
  }
}
