import type { Batch, Change, Sink, SinkState, TopicPartition } from '../../runtime/cdc/index.js';

/** A store in memory that keeps every change, with its partition. Of any number of processes. */
export class MemoryStore {
  readonly lines: Change[] = [];
  readonly states = new Map<string, SinkState>();
  /** Of every write that was made. */
  readonly batches: Batch[] = [];

  sink({ check, before }: { check?: Sink['check']; before?: (batch: Batch) => Promise<void> } = {}): Sink {
    const idOf = ({ topicId, partition }: TopicPartition) => `${topicId}/${partition}`;
    const open = (partition: TopicPartition) =>
      Promise.resolve(this.states.get(idOf(partition)) ?? { next: 0n });
    return {
      name: 'memory',
      open,
      ...(check && { check }),
      write: async (batch) => {
        await before?.(batch);
        const state = await open(batch.partition);
        if (state.next !== batch.from.next) return state;
        this.states.set(idOf(batch.partition), batch.to);
        this.lines.push(...batch.changes);
        this.batches.push(batch);
        return batch.to;
      },
    };
  }

  get ids(): unknown[] {
    return this.lines.map(({ key }) => key.id);
  }
}
