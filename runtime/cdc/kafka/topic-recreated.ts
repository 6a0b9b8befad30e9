import { ExactlyOnceError, type Fault } from '../../dedup/error.js';
import { partitionText, type TopicPartition } from '../source.js';

/**
 * The topic was deleted, or created anew under its name, while it was read (R2). Nothing that was fetched since is
 * handed out. Started again, the sink takes the new topic for another log, and reads it from its beginning.
 */
export class TopicRecreated extends ExactlyOnceError {
  override name = 'TopicRecreated';
  override readonly fault: Fault = 'defect';
  override readonly isWithoutData = true;
  constructor(
    readonly partition: TopicPartition,
    /** Undefined: there is none of that name. */
    readonly now: string | undefined,
  ) {
    super(
      `${partitionText(partition)} was ${now === undefined ? 'deleted' : `created anew, its id is ${now} now`}; find out ` +
        'whether its last records were written, and start the sink again to read the new topic from its beginning',
    );
  }
}
