import { kafkaConsumer } from '../../runtime/kafka/index.js';
import { table } from '../../runtime/dynamodb/index.js';
import { KafkaWorld } from './kafka-world.js';
import { json } from './records.js';
import * as z from 'zod/mini';
test.each([['poison','fine'],['fine','killer'],['killer','fine'],['flaky','killer'],['killer','flaky'],['poison','killer'],['killer','poison']])('%s %s', async (...natures) => {
  const effects = table({ name: 'effects', partitionKey: 'name' });
  let flakes = 1;
  const seen: string[] = [];
  const world: KafkaWorld = new KafkaWorld({ mapping: { batchSize: 2, reportsBatchItemFailures: false, provisionedPollers: undefined },
    consumer: ({ dynamodb, sqs, deadLetterQueueUrl, die }) => kafkaConsumer({ settings: { consumerName: 'x', dedupTable: 'receipts', receiptRetentionSeconds: 100, deadLetterQueueUrl, maxFailures: 3 },
      schema: z.object({ id: z.string(), nature: z.string() }), key: ({ body }) => body.id, dynamodb, sqs, observe: (s) => seen.push(JSON.stringify(s)),
      handle: ({ body }, tx) => { if (body.nature === 'killer') throw die(); if (body.nature === 'poison' || (body.nature==='flaky' && flakes-- > 0)) throw new Error('poison'); tx.update(effects, { name: 'all' }, { add: { value: 1 } }); } }) });
  natures.forEach((nature, i) => world.log.put(json({ id: `r${i}`, nature })));
  try { await world.run(40); } catch (e) { console.log(natures, String(e), world.dynamo.tables.get('receipts').items.map((i) => JSON.stringify(i)).join('\n'), seen.slice(-2)); throw e; }
});
