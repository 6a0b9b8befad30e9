import type { Table, Transaction } from '../../runtime/dynamodb/index.js';
import type { ReceivedEvent } from '../../runtime/webhook/index.js';

/** Counts an event under the name in its data, or else its sender's id. By no key: one that acts twice is seen. */
export function count(counts: Table, { source, type, data, senderId }: ReceivedEvent, tx: Transaction): void {
  const { name } = Object(data) as { name?: unknown };
  const counted = typeof name === 'string' ? name : (senderId ?? type);
  tx.update(counts, { name: `${source} ${counted}` }, { add: { acts: 1 } });
}
