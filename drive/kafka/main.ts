import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { kafkaMissing, startKafka } from '../../targets/kafka/index.js';
import { packageRoot } from '../../targets/package-root.js';
import { DriveError } from '../drive-error.js';
import { readPurchases } from '../input/purchases.js';
import { runProgram, type Surroundings } from '../program.js';
import { accountsFigures, bookAccounts } from './accounts.js';
import { auditTopic } from './audit.js';
import { topics, type PurchaseMessage } from './messages.js';
import { kafkaRunOptions, type KafkaRunOptions } from './options.js';
import { runProcessors } from './processors.js';
import { isExactlyOnce, kafkaReportText, type KafkaReport } from './report.js';

/** Kafka is not set up on this machine. */
export class KafkaMissingError extends DriveError {
  override readonly name = 'KafkaMissingError';
}

/** `npm run start:kafka`. Ends with status 0 when every effect happened once, 1 when not, 2 when it could not run. */
async function main(around: Surroundings): Promise<number> {
  const report = await run(kafkaRunOptions(process.argv.slice(2)), around);
  around.progress.settle();
  process.stdout.write(`${kafkaReportText(report)}\n`);
  return isExactlyOnce(report) ? 0 : 1;
}

async function run(options: KafkaRunOptions, { progress, undo, signal }: Surroundings): Promise<KafkaReport> {
  const missing = kafkaMissing();
  if (missing !== undefined) throw new KafkaMissingError(missing);
  const began = performance.now();
  const tell = (text: string) => progress.now(text);
  const folder = await mkdtemp(join(tmpdir(), 'exactly-once-kafka-drive-'));
  undo.add('remove the programs of the run', () => rm(folder, { recursive: true, force: true }));
  await build({
    entryPoints: [
      ...['feeder', 'function-host'].map((name) => join(__dirname, `${name}.ts`)),
      // What is run, by path only: the driver shares no code with it.
      ...['purchases', 'accounts'].map((name) => join(packageRoot, 'lambdas', 'kafka', `${name}.ts`)),
    ],
    bundle: true,
    platform: 'node',
    outdir: folder,
    entryNames: '[name]',
  });
  const broker = await startKafka({ log: (line) => progress.line(line) });
  undo.add('stop the broker', () => broker.stop());

  const purchases: PurchaseMessage[] = [];
  for await (const { paymentId, customer, cents } of readPurchases(options.purchases))
    purchases.push({ purchase: paymentId, customer, cents });
  const { servers } = broker;
  const processorKills = await runProcessors({ options, servers, folder, purchases, signal, tell });
  signal.throwIfAborted();

  tell("counting with Kafka's own consumer");
  const counted: PurchaseMessage[][] = [];
  for (const output of topics.outputs) {
    const values = await broker.values(output, purchases.length);
    counted.push(values.map((value) => JSON.parse(value) as PurchaseMessage));
  }
  const [debits = []] = counted;
  const booked = await bookAccounts({ options, debits, folder, signal, tell });
  return {
    figures: [
      ...topics.outputs.map((output, index) => auditTopic(output, purchases, counted[index] ?? [])),
      accountsFigures(purchases, booked.accounts),
    ],
    processorKills,
    functionKills: booked.kills,
    copies: booked.copies,
    seconds: (performance.now() - began) / 1000,
  };
}

void runProgram(main);
