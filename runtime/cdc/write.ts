import { batchOf } from './batch.js';
import { BatchRefused, RowRefused, type RecordRefused } from './errors.js';
import type { Batch, Sink, SinkState } from './sink.js';
import type { SourceRecord } from './source.js';

/** What to do with a row that the sink's database has refused. Throws to stop before it. */
export type Refuse = (error: RecordRefused, record: SourceRecord) => Promise<void>;

/**
 * Writes a batch. One that is refused is halved until the row is found for which it is: its neighbours are written,
 * and it is given to `refuse`, before the offset passes it.
 *
 * @returns where the sink stands: at the end of the batch, or where somebody else has brought it.
 */
export async function writeBatch(sink: Sink, batch: Batch, refuse: Refuse): Promise<SinkState> {
  try {
    return await writeAll(sink, batch);
  } catch (error) {
    if (!(error instanceof BatchRefused)) throw error;
    return halved(sink, batch, refuse, error);
  }
}

/** A sink may write a batch in parts. Each part moves it on. */
async function writeAll(sink: Sink, batch: Batch): Promise<SinkState> {
  const state = await sink.write(batch);
  const left = batch.changes.filter(({ offset }) => offset >= state.next);
  const isPart = state.next > batch.from.next && state.next < batch.to.next;
  return isPart ? writeAll(sink, { ...batch, from: state, changes: left }) : state;
}

async function halved(sink: Sink, batch: Batch, refuse: Refuse, cause: BatchRefused): Promise<SinkState> {
  const { partition, to, changes } = batch;
  const [only] = changes;
  // Not for what is in it.
  if (only === undefined) throw cause;
  if (changes.length === 1) {
    const problem = 'was refused by the sink for what is in it';
    await refuse(new RowRefused(partition, only.offset, problem, { cause }), only.record);
    return writeBatch(sink, { ...batch, changes: [] }, refuse);
  }
  const middle = changes.length >> 1;
  const second = changes[middle];
  if (second === undefined) throw cause;
  const first = batchOf(batch, changes.slice(0, middle), second.offset);
  const state = await writeBatch(sink, first, refuse);
  if (state.next !== first.to.next) return state;
  return writeBatch(sink, { partition, from: state, to, changes: changes.slice(middle) }, refuse);
}

/** Whether the sink stands where this write has brought it, and not where somebody else has. */
export function isOurs(state: SinkState, { to }: Batch): boolean {
  return state.next === to.next;
}
