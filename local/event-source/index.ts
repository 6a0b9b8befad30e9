import { LambdaClient } from '@aws-sdk/client-lambda';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Target } from '../target.js';
import { RunnerStoppedError } from './errors.js';
import {
  disableMapping,
  expectDisabled,
  readMappings,
  type Mapping,
  type MappingSummary,
} from './mapping.js';
import { Poller, type InvocationHooks } from './poller.js';

export type { Invocation, InvocationHooks, InvocationStart } from './poller.js';
export type { MappingSummary } from './mapping.js';

/** A target runs one process per concurrent invocation, 60 MB each: more than this is not played, whatever is deployed. */
const processesPerMapping = 8;
const idlePauseMs = 100;

export interface EventSourceRunner {
  /** What is played, one entry per mapping. */
  readonly mappings: readonly MappingSummary[];
  /**
   * Resolves when for `quietMs` nothing was received and nothing was in flight, and every queue reports no message
   * that is visible, hidden or delayed. A message that fails for ever keeps it waiting until it is dead-lettered.
   *
   * @throws RunnerStoppedError when the target stopped answering, or a hook threw
   * @throws MappingEnabledError when somebody turned the target's own poller on meanwhile
   */
  idle(quietMs: number): Promise<void>;
  /** Stops receiving and waits for the invocations in flight. The target's mappings stay disabled. */
  stop(): Promise<void>;
}

/**
 * Plays the target's SQS event source mappings by AWS's rules, each with its source and its test in
 * docs/event-source-runner.md. Reads the mappings once, now: those deployed as disabled are played, too.
 * Each is disabled on the target before its queue is first read.
 *
 * @param options.onStart, options.onInvocation see InvocationHooks
 * @param options.functionNames play the mappings of these functions only
 * @throws MappingInvalidError for settings that AWS would refuse
 */
export async function startEventSourceRunner(
  target: Target,
  options: InvocationHooks & { functionNames?: string[] } = {},
): Promise<EventSourceRunner> {
  const sqs = new SQSClient(target.client);
  // An invocation that the SDK sends a second time by itself would be one too many.
  const lambda = new LambdaClient({ ...target.client, maxAttempts: 1 });
  const close = () => {
    sqs.destroy();
    lambda.destroy();
  };
  const mappings = await takeOver(lambda, sqs, options.functionNames).catch((error: unknown) => {
    close();
    throw error;
  });

  let failure: RunnerStoppedError | undefined;
  const pollers = mappings.map((mapping) => {
    const concurrency = Math.min(mapping.maximumConcurrency ?? processesPerMapping, processesPerMapping);
    return new Poller(mapping, concurrency, sqs, lambda, options);
  });
  const runs = pollers.map((poller, index) =>
    poller.run().catch((cause: unknown) => {
      failure ??= new RunnerStoppedError(mappings[index]?.queueArn ?? '', cause);
    }),
  );
  const quiet = (quietMs: number) => pollers.every((poller) => poller.quietMs >= quietMs);

  return {
    mappings,
    idle: async (quietMs) => {
      for (;;) {
        if (failure !== undefined) throw failure;
        if (quiet(quietMs) && (await allEmpty(sqs, mappings)) && quiet(quietMs)) break;
        await sleep(Math.min(idlePauseMs, quietMs));
      }
      for (const { uuid } of mappings) await expectDisabled(lambda, uuid);
    },
    stop: async () => {
      for (const poller of pollers) poller.stop();
      await Promise.all(runs);
      close();
    },
  };
}

async function takeOver(
  lambda: LambdaClient,
  sqs: SQSClient,
  functionNames?: readonly string[],
): Promise<Mapping[]> {
  const mappings = await readMappings(lambda, sqs, functionNames);
  for (const { uuid } of mappings) await disableMapping(lambda, uuid);
  return mappings;
}

async function allEmpty(sqs: SQSClient, mappings: readonly Mapping[]): Promise<boolean> {
  for (const { queueUrl, queueArn } of mappings) {
    const { Attributes = {} } = await sqs
      .send(
        new GetQueueAttributesCommand({
          QueueUrl: queueUrl,
          AttributeNames: [
            'ApproximateNumberOfMessages',
            'ApproximateNumberOfMessagesNotVisible',
            'ApproximateNumberOfMessagesDelayed',
          ],
        }),
      )
      .catch((cause: unknown) => {
        throw new RunnerStoppedError(queueArn, cause);
      });
    if (Object.values(Attributes).some((count) => count !== '0')) return false;
  }
  return true;
}
