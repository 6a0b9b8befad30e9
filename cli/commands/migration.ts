import { setTimeout as sleep } from 'node:timers/promises';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Command } from 'commander';
import { clientSettings } from '../connection.js';
import { durationSeconds } from '../duration.js';
import { exitWith, print, printJson, progressLine, tableText } from '../output.js';
import { messagesOf, queueDepth, type Depth } from '../queue-depth.js';
import { queueUrlOf } from '../queue-url.js';
import { redrivePolicy } from '../redrive-policy.js';

interface Options {
  readonly from: string;
  readonly to: string;
  readonly quiet: number;
  readonly region?: string;
  readonly endpoint?: string;
  readonly json?: true;
}

const askEveryMs = 1_000;

/** Adds `migration`. */
export function addMigration(program: Command): void {
  program
    .command('migration')
    .description(
      'Shows how far a migration is (`migrateFrom`): what the old queue and its dead letters still hold. ' +
        'SQS counts approximately, so the old queue has to be empty for a while.',
    )
    .requiredOption('--from <queue>', 'the old queue: URL, ARN or name')
    .requiredOption('--to <queue>', 'the new queue: URL, ARN or name')
    .option('--quiet <duration>', 'how long the old queue has to be empty, once it is', durationSeconds, 60)
    .option('--region <region>', 'AWS Region')
    .option('--endpoint <url>', 'address of an emulator')
    .option('--json', 'print one JSON object')
    .addHelpText('after', '\nExit codes: 0 the old channel is empty, 1 it is not, 2 could not run.')
    .action(async (options: Options) => {
      const sqs = new SQSClient({ ...clientSettings(options), useQueueUrlAsEndpoint: false });
      try {
        const [from, to] = await Promise.all(
          [options.from, options.to].map(async (one) => queueUrlOf(sqs, one)),
        );
        const old = await quietDepth(sqs, from ?? '', options.quiet * 1_000);
        const letters = await deadLettersOf(sqs, from ?? '');
        const now = await queueDepth(sqs, to ?? '');
        const dead = letters === undefined ? undefined : messagesOf(await queueDepth(sqs, letters));
        const done = messagesOf(old) === 0 && (dead ?? 0) === 0;
        if (!done) exitWith(1);
        if (options.json) printJson({ done, old, oldDeadLetters: dead ?? null, new: now });
        else print(`${table(old, dead, now)}\n\n${verdict(messagesOf(old), dead ?? 0)}`);
      } finally {
        sqs.destroy();
      }
    });
}

/** What the old queue holds: at once if that is something, else when it has been empty for so long. */
async function quietDepth(sqs: SQSClient, queueUrl: string, quietMs: number): Promise<Depth> {
  const progress = progressLine();
  const began = Date.now();
  try {
    for (;;) {
      const depth = await queueDepth(sqs, queueUrl);
      const left = quietMs - (Date.now() - began);
      if (messagesOf(depth) > 0 || left <= 0) return depth;
      progress.now(`the old queue is empty; it has to be so for ${Math.ceil(left / 1_000)} s more`);
      await sleep(Math.min(askEveryMs, left));
    }
  } finally {
    progress.end();
  }
}

/** Undefined: the queue has no dead-letter queue. */
async function deadLettersOf(sqs: SQSClient, QueueUrl: string): Promise<string | undefined> {
  const { deadLetters } = await redrivePolicy(sqs, QueueUrl);
  return deadLetters && queueUrlOf(sqs, deadLetters);
}

function table(old: Depth, dead: number | undefined, now: Depth): string {
  const row = (queue: string, { waiting, inFlight, delayed }: Depth) => ({
    ...{ QUEUE: queue, WAITING: waiting, 'IN FLIGHT': inFlight, DELAYED: delayed },
  });
  return tableText([
    row('old', old),
    ...(dead === undefined
      ? []
      : [{ QUEUE: 'old dead letters', WAITING: dead, 'IN FLIGHT': '', DELAYED: '' }]),
    row('new', now),
  ]);
}

function verdict(left: number, dead: number): string {
  if (left > 0) return `${left} messages are left in the old queue: keep its consumer`;
  if (dead > 0)
    return `${dead} dead letters are left: redrive or discard them, into the old queue its consumer still reads`;
  return 'the old channel is empty: once no producer has its address any more, take `newQueueWaits` away if you gave it, else remove `migrateFrom` and the old channel';
}
