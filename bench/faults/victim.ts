import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SQSRecord } from 'aws-lambda';
import { deliver } from '../delivery.js';
import type { Engine } from '../engine.js';
import type { Tables } from '../tables.js';
import { contenders, invocationMs, type ContenderName } from './case.js';
import { watchInstants } from './instants.js';

/** What a victim is told on its command line. */
export interface Order {
  readonly contender: ContenderName;
  readonly client: Engine['client'];
  readonly tables: Tables;
  readonly records: SQSRecord[];
  /** Index of the instant at which it kills itself. Absent: it lives, or is killed from outside. */
  readonly dieAt?: number;
}

/** What it says on standard output, a line of JSON each: `begun` before the batch, `done` after it. */
export type Word =
  | { readonly word: 'begun' }
  | { readonly word: 'done'; readonly instants: readonly string[]; readonly ms: number }
  | { readonly word: 'dying'; readonly instant: string };

const order = JSON.parse(process.argv[2] ?? '') as Order;
const client = new DynamoDBClient(order.client);
const instants: string[] = [];
watchInstants(client, (instant) => {
  instants.push(instant);
  if (instants.length - 1 !== order.dieAt) return;
  // Nothing is flushed or caught, as when the kernel runs out of memory. Only the word is out: pipes are written at
  // once.
  say({ word: 'dying', instant });
  process.kill(process.pid, 'SIGKILL');
});
const handler = contenders[order.contender](client, order.tables);

async function live(): Promise<void> {
  say({ word: 'begun' });
  const began = performance.now();
  await deliver(handler, order.records, invocationMs);
  say({ word: 'done', instants, ms: performance.now() - began });
}

function say(word: Word): void {
  process.stdout.write(`${JSON.stringify(word)}\n`);
}

void live();
