import type { FailureStore } from '../dedup/failure-store.js';
import type { Note } from '../dedup/history.js';
import type { DeliveryCount } from './delivery-count.js';
import { placeOf } from './delivery.js';

/**
 * A failure store to which a record that comes again without a fault of its own costs nothing: its delivery is taken
 * back in the count, with one write for all of a partition. Batches of Kafka are large, and one record that fails
 * hands back all that are behind it.
 */
export function countedFailures(store: FailureStore, deliveries: DeliveryCount): FailureStore {
  return {
    groups: store.groups,
    recall: (...asked) => store.recall(...asked),
    start: (...suspects) => store.start(...suspects),
    async note(notes, limits) {
      const excused = notes.filter(({ kind, survived }) => kind === 'excused' && survived !== true);
      const others = notes.filter((note) => !excused.includes(note));
      const unsaid: Note[] = [];
      const partitions = Map.groupBy(excused, ({ id }) => placeOf(id).partition);
      await Promise.all(
        [...partitions].map(async ([partition, some]) => {
          const offsets = some.map(({ id }) => placeOf(id).offset);
          if (!(await deliveries.excuse(partition, offsets, limits))) unsaid.push(...some);
        }),
      );
      // Where deliveries are not counted, or of an earlier batch, it goes into the history of each.
      return store.note([...others, ...unsaid], limits);
    },
  };
}
