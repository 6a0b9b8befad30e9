import { Duration } from 'aws-cdk-lib';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { IdempotentApi, IdempotentRestApi, type DedupTable } from '../lib/index.js';
import { entry } from './entry.js';

export interface AcceptingApiProps {
  readonly dedupTable: DedupTable;
  readonly environment: Record<string, string>;
  /** A REST API whose callers are one, instead of an HTTP API that knows them. */
  readonly anonymousRest: boolean;
}

/**
 * `POST /payments`. The REST API asks for a signature, too: a target that checks none lets everybody through, and on
 * AWS only who may call is that one caller.
 */
export function acceptingApi(
  scope: Construct,
  { dedupTable, environment, anonymousRest }: AcceptingApiProps,
): { readonly function: LambdaFunction; readonly url: string } {
  const props = {
    apiName: 'accept',
    routes: [{ path: '/payments' }],
    dedupTable,
    entry: entry(anonymousRest ? 'api/accept-anonymous.ts' : 'api/accept.ts'),
    timeout: Duration.seconds(5),
    // The payment and its event.
    writesPerRequest: 2,
    environment,
  };
  return anonymousRest ? new IdempotentRestApi(scope, 'Api', props) : new IdempotentApi(scope, 'Api', props);
}
