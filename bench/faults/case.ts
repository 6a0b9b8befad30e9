import { randomUUID } from 'node:crypto';
import type { SQSRecord } from 'aws-lambda';
import type { Contender } from '../contenders/contender.js';
import { aggregate, transaction } from '../contenders/ours.js';
import { powertoolsFifo, powertoolsStandard } from '../contenders/powertools.js';
import { Producer, type Queue } from '../message.js';

export const contenders = { aggregate, transaction, powertoolsFifo, powertoolsStandard } satisfies Record<
  string,
  Contender
>;
export type ContenderName = keyof typeof contenders;

/** Who is compared with whom. The insert way is not here: its effect is a keyed row, which cannot show a double. */
export const cases: readonly {
  readonly name: string;
  readonly ours: ContenderName;
  readonly peer: ContenderName;
}[] = [
  { name: 'transaction, FIFO', ours: 'transaction', peer: 'powertoolsFifo' },
  { name: 'aggregate, FIFO', ours: 'aggregate', peer: 'powertoolsFifo' },
  { name: 'transaction, Standard', ours: 'transaction', peer: 'powertoolsStandard' },
];

/** Each contender on each kind of queue once, whatever number of comparisons it takes part in. */
export function fielded(): {
  readonly id: string;
  readonly contender: ContenderName;
  readonly queue: Queue;
}[] {
  const all = cases.flatMap(({ name, ours, peer }) => {
    const queue: Queue = name.endsWith('Standard') ? 'Standard' : 'FIFO';
    return [
      { id: fieldedId(ours, queue), contender: ours, queue },
      { id: fieldedId(peer, queue), contender: peer, queue },
    ];
  });
  return [...new Map(all.map((one) => [one.id, one])).values()];
}

export function fieldedId(contender: ContenderName, queue: Queue): string {
  return `${contender} ${queue}`;
}

export const batchSize = 10;

/** A batch for an account of its own, so that its effects can be counted: right is as many as it has messages. */
export function freshBatch(queue: Queue): { account: string; records: SQSRecord[] } {
  const account = `run-${randomUUID()}`;
  return { account, records: new Producer().batch(Array<string>(batchSize).fill(account), queue) };
}

/**
 * How long a handler says it has left. The peer's claims last as long; before they have run out no queue would
 * deliver again, because its visibility timeout is longer than the function's.
 */
export const invocationMs = 3_000;
