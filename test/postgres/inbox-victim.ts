import type { SQSRecord } from 'aws-lambda';
import { Pool } from 'pg';
import { armCrashPoints, type CrashPoint } from '../../runtime/dedup/crash-points.js';
import { contenderOf, type Contender } from './inbox.js';

export interface Order {
  readonly contender: Contender;
  readonly url: string;
  readonly records: readonly SQSRecord[];
  readonly dieAt: CrashPoint;
  /** Times that the point is passed before. */
  readonly after: number;
}

/**
 * A process that handles one batch and is killed at the given point, as by an out-of-memory killer: nothing is
 * flushed, caught or rolled back by it.
 */
const { contender, url, records, dieAt, after } = JSON.parse(process.argv[2] ?? '') as Order;
let passed = 0;
armCrashPoints((point) => {
  if (point === dieAt && (passed += 1) > after) process.kill(process.pid, 'SIGKILL');
});
void contenderOf(contender, new Pool({ connectionString: url }))(records).then(() => process.exit(0));
