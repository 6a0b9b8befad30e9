import type { StandardSchemaV1 } from '@standard-schema/spec';
import { faultOf } from '../dedup/errors.js';
import type { Prepared } from '../dedup/way.js';
import type { Arrival } from './arrival.js';
import type { BatchOptions } from './batch-options.js';
import type { Judge } from './judge.js';
import type { Delivery, PassOver } from './transport.js';

type BodyOf<Schema extends StandardSchemaV1> = StandardSchemaV1.InferOutput<Schema>;

/**
 * Goes on behind a version that does not come, because a person has said so (R53). It is a hole from then on: should
 * it come after all, it acts once. Where it is not the next one of its stream any more, it has come, or was passed
 * over before, and nothing changes.
 *
 * Never throws. What cannot be written now makes the nudge come again; one that is of no stream of this consumer is
 * reported, and over.
 */
export async function passOverMissing<
  Schema extends StandardSchemaV1,
  D extends Delivery,
  Unit extends Prepared,
>(
  nudge: Arrival<BodyOf<Schema>, D>,
  { consumerName, ...position }: PassOver,
  {
    settings,
    way,
    lastLimits,
    report,
  }: Pick<BatchOptions<Schema, D, Unit>, 'settings' | 'way' | 'lastLimits' | 'report'>,
  judge: Pick<Judge<BodyOf<Schema>, D, Unit>, 'judgeParked'>,
): Promise<void> {
  try {
    if (consumerName !== settings.consumerName)
      throw new TypeError(
        `it is for '${consumerName}', and this queue is read by '${settings.consumerName}'`,
      );
    if (way.positions === undefined) throw new TypeError('this consumer knows no versions');
    const { failedParked = [] } = await way.positions.passOver(position, 'skip', lastLimits());
    await judge.judgeParked(failedParked, nudge.delivery);
    nudge.settle({ kind: 'processed' });
  } catch (error) {
    report('a version is not passed over', error);
    nudge.settle(faultOf(error) === 'dependency' ? { kind: 'retry', error } : { kind: 'ignored' });
  }
}
