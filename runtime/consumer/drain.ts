import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { SQSRecord } from 'aws-lambda';
import { crashPoint } from '../dedup/crash-points.js';
import { CommitFailed, ProcessDied } from '../dedup/errors.js';
import type { GroupRow } from '../dynamodb/groups-row.js';
import type { GroupStore } from '../dynamodb/parking.js';
import { arrive, type Arrival, type Recognition } from './arrival.js';
import { reasonOf, type Failures } from './failures.js';
import { headOf, type GiveUp, type GiveUpOptions } from './give-up.js';
import { Lane } from './lane.js';
import { runLanes, type RoundsWork } from './rounds.js';
import { defaultMaxFailures } from './settings.js';

/** Fewer receives of a nudge without a word prove nothing, however few failures are allowed. */
const deaths = 3;

export interface DrainOptions<Schema extends StandardSchemaV1, Prepared>
  extends Recognition<Schema>, GiveUpOptions<StandardSchemaV1.InferOutput<Schema>> {
  readonly groups: GroupStore;
  readonly failures: Failures;
  readonly work: RoundsWork<StandardSchemaV1.InferOutput<Schema>, Prepared>;
  readonly giveUp: GiveUp<StandardSchemaV1.InferOutput<Schema>>;
}

/**
 * Goes on with a group that somebody has decided about: its parked messages, in order, each committed as any other; then the group
 * flows again. It stops again at one that fails for good. While it is not through, its nudge comes again. Never throws.
 */
export async function drain<Schema extends StandardSchemaV1, Prepared>(
  nudge: Arrival<StandardSchemaV1.InferOutput<Schema>>,
  stream: string,
  options: DrainOptions<Schema, Prepared>,
): Promise<void> {
  const { groups, failures, limits, work, settings } = options;
  const { meter } = limits();
  try {
    let row = await groups.read(stream, meter);
    while (row?.state === 'resuming' || row?.state === 'skipping') {
      if (row.drained === row.parked) {
        await groups.open(row, meter);
        break;
      }
      const parked = await readParked(row, options);
      const [head] = parked;
      // The nudge is the message whose receives tell that draining kills the process.
      if (
        nudge.unexplained >= Math.max(deaths, settings.maxFailures ?? defaultMaxFailures) &&
        head !== undefined
      ) {
        await stopAt(row, 1, head, new ProcessDied(head.record.messageId, nudge.unexplained), options);
        break;
      }
      if (row.state === 'skipping') {
        if (head !== undefined) await passOver(head, options);
        row = await groups.passOver(row, settings.receiptRetentionSeconds ?? 0, meter);
        continue;
      }
      await failures.recallParked(parked, meter);
      const before: GroupRow = row;
      let stoppedAt: GroupRow | undefined;
      const lane = new Lane<StandardSchemaV1.InferOutput<Schema>, Prepared>(`parked ${stream}`, parked);
      await runLanes([lane], {
        ...work,
        leaderOf: () => undefined,
        park: () => Promise.resolve(0),
        async giveUp(arrival, error) {
          stoppedAt = await stopAt(before, parked.indexOf(arrival) + 1, arrival, error, options);
          return { outcome: 'rejected', stops: true };
        },
      });
      if (stoppedAt !== undefined) break;
      const done = parked.findIndex(({ outcome }) => outcome === undefined || outcome === 'retry');
      const count = done < 0 ? parked.length : done;
      await crashPoint('before-advance');
      if (count > 0) row = await groups.advance(row, count, meter);
      await crashPoint('after-advance');
      const stuck = parked[count];
      if (stuck !== undefined) {
        await failures.note([stuck], meter);
        nudge.settle('retry', stuck.error);
        return;
      }
    }
    nudge.settle('processed');
  } catch (cause) {
    nudge.settle(
      'retry',
      new CommitFailed(`group '${stream}' is not drained: ${reasonOf(cause)}`, { cause }),
    );
  }
}

async function readParked<Schema extends StandardSchemaV1, Prepared>(
  row: GroupRow,
  options: DrainOptions<Schema, Prepared>,
) {
  const texts = await options.groups.next(row, options.limits().meter);
  return Promise.all(texts.map((text) => arrive(JSON.parse(text) as SQSRecord, options)));
}

/** The nth of the messages that are being drained becomes the head. */
async function stopAt<Schema extends StandardSchemaV1, Prepared>(
  row: GroupRow,
  nth: number,
  arrival: Arrival<StandardSchemaV1.InferOutput<Schema>>,
  error: unknown,
  { groups, giveUp, limits, tally }: DrainOptions<Schema, Prepared>,
): Promise<GroupRow> {
  await giveUp.deadLetter(arrival, error);
  await crashPoint('before-stop');
  const head = headOf(arrival);
  const stopped = await groups.stopAt(row, row.drained + nth, head, reasonOf(error), limits().meter);
  tally.stopped += 1;
  await crashPoint('after-stop');
  return stopped;
}

/** The stream of an aggregate moves on in the aggregate's own item. */
async function passOver<Schema extends StandardSchemaV1, Prepared>(
  { recognised }: Arrival<StandardSchemaV1.InferOutput<Schema>>,
  { way, limits }: DrainOptions<Schema, Prepared>,
): Promise<void> {
  if (recognised !== undefined) await way.positions?.passOver(recognised, 'skip', limits());
}
