import type { Group } from '../runtime/dedup/group.js';
import { ageText } from './duration.js';
import { tableText } from './output.js';

/** @param inAggregates where the later events of an aggregate wait, which are not counted with its group */
export function groupsTable(groups: readonly Omit<Group, 'token'>[], inAggregates: string): string {
  return tableText(
    groups.map((one) => ({
      GROUP: one.group ?? one.stream,
      STATE: one.state,
      WAITING: one.kind === 'aggregate' ? inAggregates : one.parked - one.drained,
      FOR: ageText(one.since),
      OLDEST: ageText(one.head.firstEnqueue),
      KEY: one.head.key ?? '',
      REASON: one.reason,
    })),
  );
}
