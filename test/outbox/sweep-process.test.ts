import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { embedded } from '../fixtures/embedded.js';
import { OwnProcess } from '../fixtures/own-process.js';
import { reportFigures } from '../fixtures/proof-report.js';
import { drain } from '../fixtures/queue.js';
import { newQueue } from './outbox-world.js';
import type { SweepOrder, SweepReport } from './sweep-worker.js';
import { placeOf, WrittenOutbox } from './written-outbox.js';

/** Share of the full numbers of rows. */
const share = Number(process.env.SWEEP_SHARE ?? 0.02);
const timeoutMs = 5_000;
const figures: Record<string, unknown> = {};
let worker: OwnProcess;
beforeAll(async () => {
  worker = await OwnProcess.of(join(__dirname, 'sweep-worker.ts'));
});
afterAll(async () => {
  await worker.remove();
  reportFigures('outbox sweep', figures);
});

/** One sweep in a process of its own, with little memory, which is killed at its timeout as Lambda does. */
async function sweepOnce(order: SweepOrder): Promise<SweepReport | undefined> {
  const args = ['--max-old-space-size=100', worker.path, JSON.stringify(order)];
  try {
    // The timeout is a run's own; starting Node is not part of it.
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: timeoutMs + 3_000 });
    return JSON.parse(stdout) as SweepReport;
  } catch (error) {
    if ((error as { killed?: boolean }).killed === true) return undefined;
    throw error;
  }
}

test.each([
  [10_000, 4_096],
  [4_000, 40_960],
])(
  '%d rows of %d bytes, which no stream brought: sweeps of 5 seconds and 100 MB send each once or twice',
  async (all, bytes) => {
    const outbox = await WrittenOutbox.open();
    const queueUrl = await newQueue(outbox.queues, false);
    const rows = Math.ceil(all * share);
    for (let i = 0; i < rows; i += 100)
      await outbox.write(
        Array.from({ length: Math.min(100, rows - i) }, (_, n) => `a${i + n}`),
        { bytes, at: Date.now() - 600_000 },
      );
    const order = { table: outbox.table, queueUrl, timeoutMs, client: embedded().client };
    const reports: SweepReport[] = [];
    for (let run = 0; run < 40 + rows / 20; run += 1) {
      const report = await sweepOnce(order);
      expect(report).toBeDefined();
      reports.push(report!);
      if (report!.finished) break;
    }
    const times = Map.groupBy(await drain(outbox.queues, queueUrl), ({ Body }) => placeOf(Body!));
    const most = Math.max(...[...times.values()].map(({ length }) => length));
    figures[`${rows} rows of ${bytes} bytes`] = {
      ...{ runs: reports.length, mostCopies: most },
      longestMs: Math.max(...reports.map(({ ms }) => ms)),
      heapMb: Math.max(...reports.map(({ heapMb }) => heapMb)),
    };
    expect(reports.at(-1)!.finished).toBe(true);
    expect(times.size).toBe(rows);
    expect(most).toBeLessThanOrEqual(2);
    expect((await outbox.positions()).every((position) => position.endsWith(' 1 of 1'))).toBe(true);
    outbox.close();
  },
  120_000 + 1_200_000 * share,
);
