import { ExactlyOnceError, RejectMessage } from '../dedup/errors.js';

/** A signed request that is not what its scheme says: the sender changed its format, or another scheme signs so. */
export class MalformedEvent extends ExactlyOnceError {
  override name = 'MalformedEvent';
  constructor(readonly problem: string) {
    super(
      `the request is signed, and no event of its scheme: ${problem}; does the source have the right scheme?`,
    );
  }
}

/** An event that was to be a thin one says of no object that it is about it. */
export class NoRelatedObject extends RejectMessage {
  override name = 'NoRelatedObject';
  override readonly isWithoutData = true;
  constructor() {
    super(
      'the event is no thin one: it has no `related_object` with `id` and `type` as text; give `fetchLatest` the data of the sender, and only of types that are thin',
    );
  }
}
