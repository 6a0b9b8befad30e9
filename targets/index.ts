import { startEmbedded } from './embedded/index.js';
import type { Target } from './target.js';
import { awsTarget } from './aws.js';
import { endpointTarget } from './endpoint.js';
import { TargetOptionsError } from './errors.js';
import { targetOptions, type TargetOptions } from './options.js';

export { cannotHold } from './cannot-hold.js';
export { TargetError } from './errors.js';
export { addTargetOptions, targetOptions, type TargetOptions } from './options.js';
export { expectNoStack } from './query.js';

/**
 * The target that the options name, checked to be there: started when it is the embedded one, asked for otherwise.
 * Nothing is deployed.
 *
 * @param options.messages how many messages will be sent: the cost on AWS follows from it
 * @throws TargetError in one sentence; for the embedded target what `startEmbedded` throws
 */
export async function chooseTarget(
  options: TargetOptions & { readonly messages: number },
  { log = () => undefined }: { log?: (line: string) => void } = {},
): Promise<Target> {
  const { target, endpoint, ca, ownMappings, yes } = targetOptions(options);
  switch (target) {
    case 'embedded':
      return startEmbedded({ log });
    case 'endpoint': {
      if (endpoint === undefined) throw new TargetOptionsError('--target endpoint needs --endpoint URL');
      const found = await endpointTarget({ endpoint, ...(ca !== undefined && { ca }), ownMappings });
      log(`${found.name} at ${found.endpoint}, account ${found.account}, ${found.region}`);
      return found;
    }
    case 'aws':
      return awsTarget({ yes, messages: options.messages, log });
  }
}
