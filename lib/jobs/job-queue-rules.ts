import { Duration } from 'aws-cdk-lib';
import { handlerFunctionOptions, type HandlerFunctionOptions } from '../consumer/handler-function-options.js';
import { durationText } from '../guarantees/duration-text.js';
import { isKnown, violationsOf } from '../guarantees/inequality.js';
import type { Violation } from '../guarantees/invalid-props.js';
import { roomToWork } from '../guarantees/room-to-work.js';
import { consumerNameIsItsOwn } from '../guarantees/own-name.js';
import { storeViolations } from '../guarantees/one-store.js';
import { nameViolations } from '../guarantees/stable-name.js';
import type { JobQueueProps } from './job-queue-props.js';

/** https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html */
const longestFunction = Duration.minutes(15);

/** What is wrong with the props of a job queue by themselves. */
export function jobQueueViolations(props: JobQueueProps): Violation[] {
  const { consumerName, entry, cluster, image, timeout } = props;
  const violations = nameViolations(
    'consumer-name-stable',
    'consumerName',
    consumerName,
    'jobs are found by it for as long as they are kept',
  );
  violations.push(...storeViolations(props));
  const onFargate = cluster !== undefined || image !== undefined;
  if ((entry !== undefined) === onFargate)
    violations.push({
      id: 'one-place-to-run',
      given: onFargate
        ? '`entry` is given beside `cluster` or `image`'
        : 'neither `entry` nor `cluster` and `image` are given',
      allowed: 'one of both',
      change: 'give `entry` for Lambda, or `cluster` and `image` for Fargate',
    });
  if (onFargate && (cluster === undefined || image === undefined))
    violations.push({
      id: 'one-place-to-run',
      given: `\`${cluster === undefined ? 'image' : 'cluster'}\` is given alone`,
      allowed: 'given with the other of `cluster` and `image`',
      change: 'give both',
    });
  if (onFargate) violations.push(...ofAFunction(props), ...ofTasks(props));
  if (timeout !== undefined && isKnown(timeout) && timeout.toSeconds() > longestFunction.toSeconds())
    violations.push({
      id: 'job-fits-a-function',
      given: `timeout is ${durationText(timeout)}`,
      allowed: `at most ${durationText(longestFunction)}`,
      change: 'lower `timeout`, or let the jobs run on Fargate: `cluster` and `image` instead of `entry`',
    });
  const room = timeout && roomToWork('timeout', timeout);
  if (room !== undefined) violations.push(...violationsOf([room]));
  return violations;
}

/** What the consumer looks at where the jobs run in a function. */
function ofTasks({ consumerName, dedupTable }: JobQueueProps): Violation[] {
  return dedupTable === undefined ? [] : violationsOf([consumerNameIsItsOwn(dedupTable, consumerName)]);
}

function ofAFunction(props: JobQueueProps): Violation[] {
  const options = Object.entries(handlerFunctionOptions(props)) as [keyof HandlerFunctionOptions, unknown][];
  return (
    options
      // The key is for the queue and the tasks, too.
      .filter(([prop, value]) => value !== undefined && prop !== 'encryptionKey')
      .map(([prop]) => ({
        id: 'one-place-to-run',
        given: `\`${prop}\` is given beside \`cluster\` and \`image\``,
        allowed: 'left out: it shapes a function, and the jobs run on Fargate',
        change: `set it on \`service\` or its task definition`,
      }))
  );
}
