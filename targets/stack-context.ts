import { capabilitiesOf } from './capabilities.js';
import type { Target } from './target.js';

/**
 * CDK context of a reference stack that goes with the run which deploys it: who polls, and the kind of API that the
 * target has.
 */
export function stackContext(target: Pick<Target, 'name' | 'polls'>): Record<string, string> {
  return {
    disposable: 'true',
    polling: String(target.polls === 'target'),
    ...(capabilitiesOf(target.name).httpApi ? {} : { anonymousRestApi: 'true' }),
  };
}
