import type { ProcessorCrashPoint } from '../../../runtime/kafka/processor/index.js';

/** What a worker process is told, as JSON. */
export interface WorkOrder {
  /** Folder in which the client is installed. */
  readonly client: string;
  readonly servers: string;
  readonly consumerName: string;
  readonly slot: number;
  readonly topics: readonly string[];
  /** Each record goes to each of them. */
  readonly outputs: readonly string[];
  readonly deadLetterTopic?: string;
  readonly start?: 'earliest' | 'latest';
  /** Stops itself (SIGSTOP) or dies (SIGKILL) when it is at this point for so many times. */
  readonly at?: {
    readonly point: ProcessorCrashPoint;
    readonly times: number;
    readonly signal: 'SIGSTOP' | 'SIGKILL';
  };
  /** So many times the client says of offsets that the broker has not answered, and sends none. */
  readonly offsetsFail?: number;
  /** It is over when nothing of the processor runs any more: nobody calls `process.exit` after an error. */
  readonly endsByItself?: true;
  readonly commitIntervalMs?: number;
  readonly maxBatch?: number;
  readonly sessionTimeoutMs?: number;
  readonly transactionTimeoutMs?: number;
  /** Gives up after so many failures. */
  readonly maxFailures?: number;
  readonly retryDelayMs?: number;
  readonly maxRetryDelayMs?: number;
}

/** What a record asks for, as JSON behind the word `elsewhere`: one more record, to another topic. */
export interface Elsewhere {
  readonly topic: string;
  /** Of its value. */
  readonly bytes: number;
  readonly partition?: number;
  readonly key?: string;
}

/** What it prints, one JSON text a line. */
export interface WorkerLine {
  readonly kind: string;
  /** Epoch milliseconds. */
  readonly time: number;
  readonly [field: string]: unknown;
}
