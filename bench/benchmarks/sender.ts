import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateQueueCommand,
  SendMessageBatchCommand,
  SQSClient,
  type SendMessageBatchCommandInput,
} from '@aws-sdk/client-sqs';
import { channelSender, type ChannelSenderOptions } from '../../runtime/channel/index.js';
import type { Benchmark } from '../benchmark.js';
import { floorEngine, type Engine } from '../engine.js';
import { rowsOf, type Sample } from '../row.js';

const messages = 1_000;
const callsAtOnce = 8;
/** Share of the entries that are throttled in the case of that name. */
const throttledShare = 0.1;

interface Case {
  readonly name: string;
  readonly fifo: boolean;
  readonly groups: number;
  readonly orderedBy?: ChannelSenderOptions['orderedBy'];
}

const cases: readonly Case[] = [
  { name: 'Standard', fifo: false, groups: 100 },
  { name: 'FIFO, 100 groups', fifo: true, groups: 100 },
  { name: 'FIFO, 1 group, ordered by version', fifo: true, groups: 1, orderedBy: 'version' },
  { name: 'FIFO, 1 group, ordered by the queue', fifo: true, groups: 1 },
];

export const sender: Benchmark = {
  name: 'sender',
  about: `${messages} messages of 200 bytes through the sender, against a loop of SendMessageBatch that looks at no entry of an answer: ten a call, ${callsAtOnce} calls at once, no order within a group`,
  notMeasured: [
    'AWS: its queues throttle, and its calls take longer; the cases with a latency of 10 ms and no processor of the other side come nearer to it',
    'an order that the loop keeps: with one group it has several calls under way at once, and on AWS they overtake one another',
    'a queue on DynamoDB Local, which has none: null',
  ],
  usesEngine: true,
  async run({ engine, runs, log }) {
    const samples: Sample[][] = [];
    for (let run = 0; run < runs; run += 1) {
      const ofRun: Sample[] = [];
      for (const one of cases) {
        const real = engine.name === floorEngine ? undefined : await onQueues(engine, one);
        const far = {
          ours: await sent(one, 'ours', farAway(one)),
          peer: await sent(one, 'peer', farAway(one)),
        };
        ofRun.push(
          {
            ...{ measure: 'messages/s', case: one.name, unit: '1/s' },
            ...{ ours: real?.ours.perSecond ?? null, peer: real?.peer.perSecond ?? null },
          },
          {
            ...{ measure: 'messages/s', case: `${one.name}, calls of 10 ms`, unit: '1/s' },
            ...{ ours: far.ours.perSecond, peer: far.peer.perSecond },
          },
          {
            ...{ measure: 'calls', case: one.name, unit: 'calls' },
            ...{ ours: far.ours.calls, peer: far.peer.calls },
          },
        );
      }
      const lost = async (who: Who) =>
        messages - (await sent(cases[1] as Case, who, farAway(cases[1] as Case, throttledShare))).taken;
      ofRun.push({
        ...{
          measure: 'messages lost',
          case: `FIFO, ${throttledShare * 100} % of the entries throttled`,
          unit: 'messages',
        },
        ...{ ours: await lost('ours'), peer: await lost('peer') },
      });
      samples.push(ofRun);
      log(`sender: run ${run + 1} of ${runs}`);
    }
    return { rows: rowsOf(samples, 'SendMessageBatch in a loop') };
  },
};

type Who = 'ours' | 'peer';

/** A queue, and what it has seen. */
interface Queue {
  readonly url: string;
  readonly client: SQSClient;
  readonly seen: { calls: number; taken: number };
}

interface Figures {
  readonly perSecond: number;
  readonly calls: number;
  /** Entries that the queue has taken. */
  readonly taken: number;
}

async function sent({ groups, orderedBy }: Case, who: Who, { url, client, seen }: Queue): Promise<Figures> {
  const text = 'x'.repeat(150);
  const bodies = Array.from({ length: messages }, (_, n) => ({
    id: randomUUID(),
    group: `g${n % groups}`,
    text,
  }));
  const began = performance.now();
  if (who === 'ours') {
    const channel = channelSender({
      settings: { queueUrl: url },
      orderedBy,
      sqs: client,
      observe: () => undefined,
    });
    await channel.send(
      bodies.map((body) => ({ key: body.id, group: body.group, body })),
      { patienceMs: 120_000 },
    );
  } else await loop(client, url, bodies);
  const seconds = (performance.now() - began) / 1000;
  return { perSecond: messages / seconds, ...seen };
}

async function loop(
  client: SQSClient,
  QueueUrl: string,
  bodies: readonly { id: string; group: string }[],
): Promise<void> {
  const calls: SendMessageBatchCommandInput[] = [];
  for (let i = 0; i < bodies.length; i += 10)
    calls.push({
      QueueUrl,
      Entries: bodies.slice(i, i + 10).map((body, index) => ({
        Id: String(index),
        MessageBody: JSON.stringify(body),
        MessageGroupId: body.group,
        MessageDeduplicationId: QueueUrl.endsWith('.fifo') ? body.id : undefined,
      })),
    });
  await Promise.all(
    Array.from({ length: callsAtOnce }, async () => {
      for (let call = calls.shift(); call !== undefined; call = calls.shift())
        await client.send(new SendMessageBatchCommand(call));
    }),
  );
}

async function onQueues(engine: Engine, one: Case): Promise<Record<Who, Figures>> {
  const client = new SQSClient({ ...engine.client, useQueueUrlAsEndpoint: false });
  const queue = async (): Promise<Queue> => {
    const { QueueUrl: url = '' } = await client.send(
      new CreateQueueCommand({
        QueueName: `bench-${randomUUID()}${one.fifo ? '.fifo' : ''}`,
        Attributes: one.fifo ? { FifoQueue: 'true' } : undefined,
      }),
    );
    return { url, client, seen: { calls: 0, taken: 0 } };
  };
  const figures = {
    ours: await sent(one, 'ours', await queue()),
    peer: await sent(one, 'peer', await queue()),
  };
  client.destroy();
  return figures;
}

/** A queue whose calls take their time and none of the processor's. */
function farAway({ fifo }: Case, share = 0): Queue {
  const seen = { calls: 0, taken: 0 };
  let asked = 0;
  const send = async ({ input: { Entries = [] } }: { input: SendMessageBatchCommandInput }) => {
    seen.calls += 1;
    const Failed = Entries.filter(() => (asked += 1) % Math.round(1 / share) === 0).map(({ Id }) => ({
      ...{ Id, Code: 'RequestThrottled', SenderFault: true },
    }));
    seen.taken += Entries.length - Failed.length;
    return sleep(10, { Failed });
  };
  return { url: `https://none/queue${fifo ? '.fifo' : ''}`, client: { send } as unknown as SQSClient, seen };
}
