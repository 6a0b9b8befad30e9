import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { InvocationHooks } from '../../targets/event-source/index.js';
import type { Target } from '../../targets/target.js';
import type { InvocationRecord } from '../audit/consumer-figures.js';
import type { RunOptions } from '../options.js';
import type { Purchase } from '../input/purchases.js';
import type { PathState } from '../progress.js';
import type { PathReport } from '../report.js';

/** One way through the stack: what is sent, what must come of it, and how that is counted. */
export interface TrafficPath {
  /** The consumer whose event-source mappings the runner plays. */
  readonly functionName: string;
  /** Where it has more than one. @default - none */
  readonly otherFunctions?: readonly string[];
  /** To be called when an invocation starts, those of other functions included. */
  readonly onStart: NonNullable<InvocationHooks['onStart']>;
  /** To be called for every invocation, those of other functions included. */
  onInvocation(invocation: InvocationRecord): void;
  /** Resolves when everything is accepted. What it opens, it adds to the world's `undo`. */
  send(): Promise<void>;
  /** To be called once the queue is drained. */
  audit(): Promise<PathReport>;
  /** Counts what has acted, for `state`. For who looks on: it reads tables. @default - it is not counted */
  look?(): Promise<void>;
  /** How far it is. */
  state(): PathState;
}

/** What a path finds around it. */
export interface World {
  readonly options: RunOptions;
  /** Reads what is to be sent, from the start each time. */
  readonly purchases: () => AsyncIterable<Purchase>;
  /** How many purchases that are. */
  readonly count: number;
  /** Lines of the caller's file that were left out. */
  readonly skipped: number;
  readonly target: Target;
  /** Of the deployed stack. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly dynamo: DynamoDBClient;
  readonly sqs: SQSClient;
  /** Process ids of a function's workers. Undefined where the target's processes are out of reach. */
  readonly workers: ((functionName: string) => Promise<readonly number[]>) | undefined;
  /** A folder of the run's own, removed at its end. */
  readonly folder: string;
  /** Registers what is to be ended with the run. */
  readonly undo: (what: string, undo: () => unknown) => void;
  /** Aborts when the run is interrupted or the target ended by itself. */
  readonly alive: AbortSignal;
}
