import type { Duration } from 'aws-cdk-lib';
import { Architecture } from 'aws-cdk-lib/aws-lambda';
import {
  exactly,
  flat,
  invocationLine,
  logLine,
  storageLine,
  itemsText,
  writeLine,
  type Cost,
} from '../guarantees/cost.js';
import { isKnown } from '../guarantees/inequality.js';
import { prices } from '../guarantees/prices.js';
import type { KeyedApiProps } from './idempotent-api-props.js';

/** Of a million requests with small answers. Undefined when a value of it is known only at deployment. */
export function requestCost(rest: boolean, props: KeyedApiProps, window: Duration): Cost | undefined {
  const { writesPerRequest = 1, memorySize: memoryMegabytes = 256, architecture } = props;
  if (![writesPerRequest, memoryMegabytes, window].every(isKnown)) return undefined;
  const arm = (architecture ?? Architecture.ARM_64).name === Architecture.ARM_64.name;
  const price = rest ? prices.millionRestApiRequests : prices.millionHttpApiRequests;
  return {
    per: 'requests',
    batchSize: 1,
    lines: [
      flat(rest ? 'REST API' : 'HTTP API', `${exactly(price)} a million`, price),
      invocationLine({ memoryMegabytes, arm }, 1),
      logLine(1),
      // What a database costs is not counted by the write.
      ...(props.receiptsInPostgres === true
        ? []
        : [
            writeLine([
              [2, 'for the receipt'],
              [2 * writesPerRequest, itemsText(writesPerRequest, 2)],
            ]),
            storageLine('receipts kept', window.toSeconds() / 86_400),
          ]),
    ],
  };
}
