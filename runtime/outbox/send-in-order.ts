import { crashPoint } from '../dedup/crash-points.js';
import type { AcceptedRows } from './accepted-rows.js';
import type { OutboxRow } from './row.js';
import type { RelayTarget } from './targets/target.js';

export interface SendWork {
  readonly targets: readonly RelayTarget[];
  readonly accepted: AcceptedRows;
  /** Whether there is time for another call. */
  readonly mayGoOn: () => boolean;
  /** Called once for each row that every target has accepted. */
  readonly onSent: (row: OutboxRow) => void;
}

/**
 * Sends rows to every target that wants their type. At most one row of a group is under way at a time, and a group
 * stops at its first row that a target has not accepted: later ones would overtake it (R31).
 *
 * @returns the rows that were tried in vain, each with the reason. Those behind them, and those for which there was
 *   no time, have
 *   not been tried.
 */
export async function sendInOrder(
  rows: readonly OutboxRow[],
  work: SendWork,
): Promise<Map<OutboxRow, unknown>> {
  const problems = new Map<OutboxRow, unknown>();
  let lanes = [...Map.groupBy(inVersionOrder(rows), ({ group }) => group).values()];
  while (lanes.length > 0 && work.mayGoOn()) {
    const heads = lanes.flatMap((lane) => lane.slice(0, 1));
    await crashPoint('before-send');
    const refused = await sendAll(heads, work);
    await crashPoint('after-send');
    for (const row of heads) {
      if (refused.has(row)) problems.set(row, refused.get(row));
      else work.onSent(row);
    }
    lanes = lanes
      .filter(([head]) => head !== undefined && !refused.has(head))
      .map((lane) => lane.slice(1))
      .filter((lane) => lane.length > 0);
  }
  return problems;
}

async function sendAll(
  heads: readonly OutboxRow[],
  { targets, accepted }: SendWork,
): Promise<Map<OutboxRow, unknown>> {
  const refused = new Map<OutboxRow, unknown>();
  await Promise.all(
    targets.map(async (target) => {
      const wanted = heads.filter(
        (row) => (target.types?.includes(row.type) ?? true) && !accepted.has(target, row),
      );
      if (wanted.length === 0) return;
      const notTaken = await target.send(wanted);
      for (const row of wanted)
        if (notTaken.has(row)) refused.set(row, notTaken.get(row));
        else accepted.add(target, row);
    }),
  );
  return refused;
}

/**
 * Each stream's versions in order, in the places that the stream had: a shard may give the records of one transaction
 * in any order, and what it gives of different streams is left as it came.
 */
function inVersionOrder(rows: readonly OutboxRow[]): OutboxRow[] {
  const sorted = new Map(
    [...Map.groupBy(rows, ({ stream }) => stream)].map(([stream, own]) => [
      stream,
      own.sort((a, b) => (a.version < b.version ? -1 : 1)),
    ]),
  );
  return rows.flatMap(({ stream }) => sorted.get(stream)?.splice(0, 1) ?? []);
}
