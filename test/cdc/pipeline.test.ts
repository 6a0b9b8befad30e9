import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { reportFigures } from '../fixtures/proof-report.js';
import { describeWithPipeline, pipelineRows as rows } from './with-pipeline.js';

const sinkKills = Number(process.env.CDC_SINK_KILLS ?? 6);
const connectKills = Number(process.env.CDC_CONNECT_KILLS ?? 2);
const brokerKills = Number(process.env.CDC_BROKER_KILLS ?? 1);
/** Without exactly-once source support. */
const plainConnectKills = Number(process.env.CDC_PLAIN_CONNECT_KILLS ?? 2);
const root = join(__dirname, '..', '..');
const longest = 3 * 3_600_000;

/**
 * Runs the pipeline from Postgres to its sinks, and returns what it says.
 *
 * @throws Error with what it said, when a sink is not exact or it could not run
 */
async function run(...args: string[]): Promise<string> {
  const child = spawn(process.execPath, ['--import', 'tsx', join('drive', 'cdc', 'main.ts'), ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  // A proof keeps what fails, and not what is printed.
  if (status !== 0) throw new Error(`it ended with ${status}, and said:\n${said}`);
  return said;
}

const numberIn = (said: string, pattern: RegExp) => Number(pattern.exec(said)?.[1] ?? 0);

/** What the run says of itself; that every sink is exact is the auditor's to say. */
function figuresOf(said: string) {
  return {
    payments: numberIn(said, /payments: read model against the table +(\d+)/),
    sinks: numberIn(said, /sinks (\d+) times/),
    connect: numberIn(said, /Kafka Connect (\d+) times/),
    brokers: numberIn(said, /one of three brokers (\d+) times/),
    toldAgain: numberIn(said, /The connector told (\d+) changes again/),
  };
}

describeWithPipeline(__filename)(
  'from Postgres by Debezium, Connect and Kafka to a read model, a lake and Iceberg',
  () => {
    test(
      `sinks killed ${sinkKills}, Connect ${connectKills} and brokers ${brokerKills} times at random in ${rows} payments by COPY, inserts of 100 and interleaved transactions: every sink is exact`,
      async () => {
        const said = await run(
          ...['--rows', String(rows), '--sink-kills', String(sinkKills)],
          ...['--connect-kills', String(connectKills), '--broker-kills', String(brokerKills)],
        );
        const figures = figuresOf(said);
        reportFigures('pipeline', figures);
        expect(figures).toMatchObject({ sinks: sinkKills, connect: connectKills, brokers: brokerKills });
      },
      longest,
    );

    test(
      `Connect without exactly-once support, killed ${plainConnectKills} times: what it tells again is recognised`,
      async () => {
        const said = await run(
          ...['--at-least-once', '--rows', String(Math.ceil(rows / 5)), '--sink-kills', '2'],
          ...['--connect-kills', String(plainConnectKills)],
        );
        const figures = figuresOf(said);
        reportFigures('pipeline, Connect at least once', figures);
        expect(figures.connect).toBe(plainConnectKills);
      },
      longest,
    );

    test(
      'a cluster that loses everything and begins anew, with fewer records than the sinks have: nothing is dropped',
      async () => {
        const said = await run(
          ...['--recreate-cluster', '--rows', String(Math.ceil(rows / 20)), '--sink-kills', '2'],
          ...['--connect-kills', '1'],
        );
        expect(said).toContain('Kafka lost everything once');
        reportFigures('pipeline, cluster made anew', figuresOf(said));
      },
      longest,
    );
  },
);
