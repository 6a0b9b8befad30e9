import type { Benchmark } from '../benchmark.js';
import { billed } from '../bill.js';
import { drawFrom, injectConflicts } from '../conflicts.js';
import type { Contender } from '../contenders/contender.js';
import { aggregate, transaction } from '../contenders/ours.js';
import { powertoolsFifo, powertoolsName } from '../contenders/powertools.js';
import { deliverUntilDone } from '../delivery.js';
import { clientOf, type Engine } from '../engine.js';
import { Producer } from '../message.js';
import { rowsOf, type Sample } from '../row.js';
import { effectsOn, newTables } from '../tables.js';

const groups = 10;
const batches = 40;
const shares = [0, 0.01, 0.05];

export const conflicts: Benchmark = {
  name: 'conflicts',
  about:
    'batches of ten messages of ten FIFO groups, 8 at once, while 0, 1 and 5 % of the writes to the accounts meet a transaction of somebody else',
  notMeasured: [
    'real conflicts: no local engine raises them. They are drawn by seed for each written account and made up before the call leaves, so both sides meet the same share',
    'the wait for the visibility timeout before a failed record comes again: here it comes at once',
    'what DynamoDB charges for a single write refused by a conflict, which its documentation does not say: 1 unit is assumed',
  ],
  usesEngine: true,
  async run({ engine, runs, log }) {
    const samples: Sample[][] = [];
    for (let run = 0; run < runs; run += 1) {
      const ofRun: Sample[] = [];
      for (const share of shares) {
        const peer = await conflicted(engine, powertoolsFifo, share, run);
        for (const [name, contender] of [
          ['aggregate', aggregate],
          ['transaction', transaction],
        ] as const) {
          const ours = await conflicted(engine, contender, share, run);
          for (const [measure, { value, unit }] of Object.entries(ours))
            ofRun.push({
              measure,
              case: `${name}, ${share * 100} % conflicts`,
              ours: value,
              peer: peer[measure]?.value ?? null,
              unit,
            });
        }
      }
      samples.push(ofRun);
      log(`conflicts: run ${run + 1} of ${runs}`);
    }
    return { rows: rowsOf(samples, powertoolsName) };
  },
};

type Figures = Record<string, { readonly value: number; readonly unit: string }>;

const atOnce = 8;

async function conflicted(
  engine: Engine,
  contender: Contender,
  share: number,
  seed: number,
): Promise<Figures> {
  const client = clientOf(engine);
  const tables = await newTables(client);
  const bill = billed(client);
  injectConflicts(client, tables.accounts, share, drawFrom(seed));
  const producer = new Producer();
  const accountsOf = (worker: number) => Array.from({ length: groups }, (_, i) => `account-${worker}-${i}`);
  let deliveries = 0;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async (_, worker) => {
      const handler = contender(client, tables);
      for (let batch = worker; batch < batches; batch += atOnce) {
        const needed = await deliverUntilDone(handler, producer.batch(accountsOf(worker), 'FIFO'));
        deliveries += needed;
      }
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  const { calls, writeUnits } = bill;
  const effects = await Promise.all(
    Array.from({ length: atOnce }, (_, worker) => accountsOf(worker))
      .flat()
      .map((account) => effectsOn(client, tables, account)),
  );
  client.destroy();
  const messages = batches * groups;
  const acted = effects.reduce((sum, count) => sum + count, 0);
  return {
    'WRU per message': { value: writeUnits / messages, unit: 'WRU' },
    'calls per batch': { value: calls / batches, unit: 'calls' },
    'deliveries per message': { value: deliveries / messages, unit: 'deliveries' },
    'messages/s': { value: messages / seconds, unit: '1/s' },
    'effects lost or doubled': { value: Math.abs(acted - messages), unit: 'effects' },
  };
}
