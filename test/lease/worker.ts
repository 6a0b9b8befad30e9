import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { armCrashPoints } from '../../runtime/dedup/crash-points.js';
import { Waiting } from '../../runtime/lease/index.js';
import { effectOf, onceFor, type WorkOrder } from './worker-orders.js';

/**
 * A process that works through orders and is killed at the point that one of them names, as by an out-of-memory
 * killer. Says what became of each, one line of JSON per order.
 */
async function main(): Promise<void> {
  const { tableName, client, tasks } = JSON.parse(process.argv[2] ?? '') as WorkOrder;
  const dynamodb = new DynamoDBClient(client);
  for (const task of tasks) {
    armCrashPoints((point) => {
      if (point === task.dieAt) process.kill(process.pid, 'SIGKILL');
    });
    let said: Record<string, unknown>;
    try {
      // What a careless handler does: other arguments in every try.
      await onceFor(dynamodb, tableName, task.order)('order', effectOf(task, randomUUID()));
      said = { outcome: 'done' };
    } catch (error) {
      said =
        error instanceof Waiting
          ? { outcome: 'waiting', retryAt: error.retryAt }
          : { outcome: error instanceof Error ? error.name : String(error) };
    }
    await new Promise((resolve) => {
      process.stdout.write(`${JSON.stringify({ order: task.order, ...said })}\n`, resolve);
    });
  }
}

void main();
