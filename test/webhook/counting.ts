import type { Table, Transaction } from '../../runtime/dynamodb/index.js';
import type { ReceivedEvent } from '../../runtime/webhook/index.js';

export const countedName = (source: string, name: string) => `${source} ${name}`;

/** What an event is counted under: the name in its data, or else its sender's id. */
export function nameOf({ source, type, data, senderId }: ReceivedEvent): string {
  const { name } = Object(data) as { name?: unknown };
  return countedName(source, typeof name === 'string' ? name : (senderId ?? type));
}

/** Counts an event by no key: one that acts twice is seen. */
export function count(counts: Table, event: ReceivedEvent, tx: Transaction): void {
  tx.update(counts, { name: nameOf(event) }, { add: { acts: 1 } });
}
