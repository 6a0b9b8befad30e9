import { briefly, ExactlyOnceError, type Fault } from './error.js';

/** Two effects of one run have one name, and so one lease: the second would not be made. */
export class EffectRepeated extends ExactlyOnceError {
  override name = 'EffectRepeated';
  override readonly isWithoutData = true;
  override readonly fault: Fault = 'defect';
  constructor(readonly effectName: string) {
    super(
      `the effect '${briefly(effectName)}' is asked for twice in one run, and would be made once; number them ` +
        "('mail-1', 'mail-2'), and keep what the first call returned where it is needed again",
    );
  }
}
