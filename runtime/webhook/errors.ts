import { ExactlyOnceError } from '../dedup/errors.js';

/** A signed request that is not what its scheme says: the sender changed its format, or another scheme signs so. */
export class MalformedEvent extends ExactlyOnceError {
  override name = 'MalformedEvent';
  constructor(readonly problem: string) {
    super(
      `the request is signed, and no event of its scheme: ${problem}; does the source have the right scheme?`,
    );
  }
}
