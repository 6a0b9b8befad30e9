import { setTimeout as sleep } from 'node:timers/promises';
import { textTable } from '../../targets/text-table.js';
import { runProgram, type Surroundings } from '../program.js';
import { SourceUnavailable } from '../../runtime/cdc/index.js';
import type { AuditLine } from './audits.js';
import { faults } from './faults.js';
import type { Pipeline } from './pipeline.js';
import { parseOptions, type CdcOptions } from './options.js';

/** Sinks that have written nothing for so long do not catch up any more, in milliseconds. */
const catchUpMs = 240_000;
/** Sinks are looked at when they have written nothing for so long: an audit reads all, and would slow them down. */
const quietMs = 3_000;

/** `npm run start:cdc`. Ends with 0 when every sink holds each change once, 1 when not, 2 when it could not run. */
async function main(around: Surroundings): Promise<number> {
  const options = parseOptions(process.argv.slice(2), (text) => process.stdout.write(text));
  return options === undefined ? 0 : run(options, around);
}

async function run(options: CdcOptions, { progress, undo, signal }: Surroundings): Promise<number> {
  const { startPipeline } = await import('./pipeline.js');
  const { write } = await import('./workload.js');
  const pipeline = await startPipeline(options, (line) => progress.line(line), undo, signal);
  const { done, pace } = faults({
    options,
    pipeline,
    signal,
    say: (line) => progress.line(line),
    caughtUp: () => untilExact(pipeline, signal),
  });
  // It is awaited when all is written.
  done.catch(() => undefined);
  progress.line(`writing ${options.rows} payments: COPY, inserts of 100, interleaved transactions`);
  const written = await write({
    ...pipeline.workload,
    rows: options.rows,
    signal,
    progress: (rows) => progress.now(`${rows} of ${options.rows} payments are written`),
    pace: (rows) => Promise.race([pace(rows), done]),
  });
  await done;
  progress.line('all is written; waiting for the sinks');
  const lines = await untilExact(pipeline, signal);
  const isExact = lines.every(({ report }) => report.ok);
  const { sinks, fate } = pipeline;
  const { told, errors } = sinks;
  process.stdout.write(
    [
      '',
      tableOf(lines),
      '',
      `Postgres committed ${JSON.stringify(written)}.`,
      `Killed with SIGKILL: sinks ${pipeline.sinks.kills} times, Kafka Connect ${fate.connectKills} times, ` +
        (options.brokerKills > 0
          ? `one of three brokers ${fate.brokerKills} times.`
          : 'the broker not, because one broker alone is known to lose markers of transactions (docs/kafka-processor.md).'),
      ...(fate.revived > 0
        ? [`A task of Connect had failed ${fate.revived} times, and was started again.`]
        : []),
      ...(fate.recreated > 0 ? ['Kafka lost everything once, and began anew as another cluster.'] : []),
      `The connector told ${told.duplicates} changes again, which the sinks recognised.`,
      ...errors.map((error) => `A sink ended by itself: ${error}`),
      ...(isExact
        ? ['Every sink holds each change exactly once.']
        : [
            `NOT exact: ${lines.flatMap(({ what, report }) => (report.ok ? [] : [`${what}: ${report.problem}`])).join('; ')}`,
            ...(await pipeline.state()),
          ]),
      '',
    ].join('\n'),
  );
  return isExact ? 0 : 1;
}

/** What the auditor says once it is content, or when time is over. */
async function untilExact({ audited, sinks }: Pipeline, signal: AbortSignal): Promise<AuditLine[]> {
  const { audits } = await import('./audits.js');
  let deadline = Date.now() + catchUpMs;
  let { rows } = sinks.told;
  for (;;) {
    await sleep(quietMs, undefined, { signal });
    if (sinks.told.rows > rows) {
      ({ rows } = sinks.told);
      deadline = Date.now() + catchUpMs;
      continue;
    }
    const lines = await audits(audited).catch((error: unknown) => {
      // Of a cluster that is killed, or made anew.
      if (error instanceof SourceUnavailable && Date.now() < deadline) return undefined;
      throw error;
    });
    if (lines !== undefined && (lines.every(({ report }) => report.ok) || Date.now() >= deadline))
      return lines;
  }
}

function tableOf(lines: readonly AuditLine[]): string {
  const rows = lines.map(({ what, report: { ok, counts, partitions } }) => [
    what,
    ...['source', 'sink'].map((side) =>
      String(partitions.reduce((sum, one) => sum + one[side as 'source' | 'sink'], 0)),
    ),
    ...(['missing', 'doubled', 'altered', 'foreign'] as const).map((kind) => String(counts[kind])),
    ok ? 'exact' : 'DIFFERS',
  ]);
  const head = ['compared', 'source', 'sink', 'missing', 'doubled', 'altered', 'foreign', ''];
  return textTable(rows, { head, figures: new Set([1, 2, 3, 4, 5, 6]) });
}

void runProgram(main);
