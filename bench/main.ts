import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import type { Benchmark } from './benchmark.js';
import { api } from './benchmarks/api.js';
import { coldStart } from './benchmarks/cold-start.js';
import { conflicts } from './benchmarks/conflicts.js';
import { cost } from './benchmarks/cost.js';
import { manyInstances } from './benchmarks/instances.js';
import { kafka } from './benchmarks/kafka.js';
import { kills } from './benchmarks/kills.js';
import { lostAnswers } from './benchmarks/lost-answers.js';
import { outboxOrder } from './benchmarks/outbox.js';
import { postgres } from './benchmarks/postgres.js';
import { postgresOutbox } from './benchmarks/postgres-outbox.js';
import { publish } from './benchmarks/publish.js';
import { relay } from './benchmarks/relay.js';
import { replay } from './benchmarks/replay.js';
import { sender } from './benchmarks/sender.js';
import { sinks } from './benchmarks/sinks.js';
import { size } from './benchmarks/size.js';
import { spans } from './benchmarks/spans.js';
import { speed } from './benchmarks/speed.js';
import { webhookLatency } from './benchmarks/webhook-latency.js';
import { webhooks } from './benchmarks/webhooks.js';
import { root } from './bundle.js';
import { withReport } from './docs.js';
import { startEngine, type Engine } from './engine.js';
import { judge } from './floors.js';
import { committedResults, noEngine, resultOf, save } from './results.js';
import { tableOf } from './tables-text.js';
import { errorText } from '../runtime/dedup/errors.js';

const benchmarks: readonly Benchmark[] = [
  cost,
  speed,
  manyInstances,
  conflicts,
  size,
  coldStart,
  kills,
  lostAnswers,
  api,
  outboxOrder,
  publish,
  relay,
  replay,
  sender,
  postgres,
  postgresOutbox,
  webhooks,
  webhookLatency,
  sinks,
  kafka,
  spans,
];
const names = benchmarks.map(({ name }) => name);

interface Options {
  readonly json?: true;
  readonly runs: number;
  readonly faults: number;
  readonly save?: true;
  readonly check?: true;
  readonly docs?: true;
}

async function main(chosen: readonly string[], options: Options): Promise<void> {
  if (options.check === true) return check();
  if (options.docs === true) return writeDocs();
  const wanted = chosen.length === 0 ? benchmarks : benchmarks.filter(({ name }) => chosen.includes(name));
  const unknown = chosen.find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new InvalidArgumentError(`there is no benchmark '${unknown}'; there are ${names.join(', ')}`);
  const engine = wanted.some(({ usesEngine }) => usesEngine) ? await startEngine(log) : bystander;
  try {
    for (const benchmark of wanted) {
      const outcome = await benchmark.run({ engine, runs: options.runs, faults: options.faults, log });
      const result = await resultOf(benchmark, outcome, { ...options, engine: engine.name });
      if (options.save === true) await save(result);
      console.log(
        options.json === true
          ? JSON.stringify(result.rows, undefined, 2)
          : [
              benchmark.usesEngine ? `${result.about}, on ${result.engine}` : result.about,
              tableOf(result.rows),
              ...(result.details ?? []),
            ].join('\n'),
      );
    }
  } finally {
    await engine.stop();
  }
}

/** For benchmarks without a database. */
const bystander: Engine = {
  name: noEngine,
  client: { endpoint: 'http://127.0.0.1:1' },
  stop: () => Promise.resolve(),
};

async function check(): Promise<void> {
  const verdicts = judge(await committedResults());
  const misses = verdicts.flatMap(({ miss }) => miss ?? []);
  for (const miss of misses) console.log(`missed: ${miss}`);
  console.log(`${verdicts.length - misses.length} of ${verdicts.length} floors are reached`);
  if (misses.length > 0) process.exitCode = 1;
}

async function writeDocs(): Promise<void> {
  const page = join(root, 'docs', 'bench.md');
  await writeFile(page, withReport(await readFile(page, 'utf8'), await committedResults()));
}

/** Away from standard output, which `--json` keeps for the rows. */
function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError(`must be a whole number from 1, got '${text}'`);
  return value;
}

const program = new Command('bench')
  .description(
    'measures this library beside Powertools, in one run on one engine: DynamoDB Local with DYNAMODB_LOCAL=1, else the emulator',
  )
  .argument('[names...]', `what to measure, of ${names.join(', ')}; all when none is given`)
  .option('--json', 'print rows as JSON')
  .option('--runs <n>', 'measure so often; figures are medians', wholeNumber, 5)
  .option('--faults <n>', 'faults of each kind', wholeNumber, 200)
  .option('--save', 'write bench/results/<name>.json')
  .option('--check', 'hold the committed results against the floors; exit status 1 if one is missed')
  .option('--docs', 'write the committed results into docs/bench.md')
  .action((chosen: string[], options: Options) => main(chosen, options));
void program.parseAsync().catch((error: unknown) => {
  console.error(errorText(error));
  process.exitCode = 1;
});
