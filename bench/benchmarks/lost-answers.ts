import { setTimeout as sleep } from 'node:timers/promises';
import type { SQSRecord } from 'aws-lambda';
import { startFaultProxy } from '../../drive/faults/fault-proxy.js';
import type { Benchmark, BenchmarkContext } from '../benchmark.js';
import { drawFrom } from '../conflicts.js';
import { powertoolsName } from '../contenders/powertools.js';
import { deliver, deliverUntilDone } from '../delivery.js';
import { clientOf } from '../engine.js';
import {
  batchSize,
  contenders,
  fielded,
  freshBatch,
  invocationMs,
  type ContenderName,
} from '../faults/case.js';
import { wrongRows } from '../faults/wrong.js';
import { redelivered, type Queue } from '../message.js';
import { effectsOn, newTables } from '../tables.js';

export const lostAnswers: Benchmark = {
  name: 'lost-answers',
  about:
    'DynamoDB acts on a request of a batch of ten and its answer is lost, once per batch, at a random call; the SDK either gives up or sends again; the batch comes again where the handler said so; every message must have acted once, counted by no key',
  notMeasured: [
    'the insert way: its effect is a keyed row, which cannot show a double',
    'requests lost on their way, which hurt neither side',
    'how often networks lose answers',
  ],
  usesEngine: true,
  async run(context) {
    const [givesUp, sendsAgain] = [new Map<string, number>(), new Map<string, number>()];
    for (const { id, contender, queue } of fielded()) {
      givesUp.set(id, await wrongOf(context, contender, queue, 1));
      sendsAgain.set(id, await wrongOf(context, contender, queue, 3));
      context.log(
        `lost-answers: ${id}: ${givesUp.get(id) ?? NaN} and, sent again by the SDK, ${sendsAgain.get(id) ?? NaN} wrong`,
      );
    }
    const rows = [
      ...wrongRows(`runs left wrong of ${context.faults} by a lost answer`, givesUp, powertoolsName),
      ...wrongRows(`runs left wrong of ${context.faults} by a retry of the SDK`, sendsAgain, powertoolsName),
    ];
    return { rows };
  },
};

/** @param maxAttempts of the SDK: 1 means that the lost answer is an error to the handler. */
async function wrongOf(
  { engine, faults }: BenchmarkContext,
  contender: ContenderName,
  queue: Queue,
  maxAttempts: number,
): Promise<number> {
  let asked = 0;
  let loseAt: number | undefined;
  const proxy = await startFaultProxy({
    upstream: engine.client.endpoint,
    decide: () => (asked++ === loseAt ? 'answer' : 'none'),
  });
  const direct = clientOf(engine);
  const lossy = clientOf(engine, { endpoint: proxy.url, maxAttempts });
  try {
    const tables = await newTables(direct);
    const handler = contenders[contender](lossy, tables);
    const handed = async (loseAnswerOf: number | undefined) => {
      const { account, records } = freshBatch(queue);
      [asked, loseAt] = [0, loseAnswerOf];
      return { account, open: await deliver(handler, records, invocationMs), calls: asked };
    };
    // What an undisturbed batch of a warm instance takes.
    await handed(undefined);
    const { calls } = await handed(undefined);
    const draw = drawFrom(faults);
    const runs: { account: string; open: SQSRecord[] }[] = [];
    for (let fault = 0; fault < faults; fault += 1) runs.push(await handed(Math.floor(draw() * calls)));
    if (proxy.stats.lostAnswers !== faults)
      throw new Error(`${proxy.stats.lostAnswers} answers were lost instead of ${faults}`);
    // The peer's claims run out, as they have when a queue delivers again.
    await sleep(invocationMs);
    const survivor = contenders[contender](direct, tables);
    let wrong = 0;
    for (const { account, open } of runs) {
      await deliverUntilDone(survivor, open.map(redelivered));
      if ((await effectsOn(direct, tables, account)) !== batchSize) wrong += 1;
    }
    return wrong;
  } finally {
    lossy.destroy();
    direct.destroy();
    await proxy.stop();
  }
}
