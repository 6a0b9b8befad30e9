import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { kafkaClientFolder } from '../../targets/kafka/index.js';
import { DriveError } from '../drive-error.js';
import { draw } from '../input/draw.js';
import type { FeedOrder, PurchaseMessage } from './messages.js';
import type { KafkaRunOptions } from './options.js';

/** A process of the run failed; it has said why to standard error. */
export class KafkaProcessError extends DriveError {
  override readonly name = 'KafkaProcessError';
}

const slots = [0, 1];
/** A process has its partitions for so long at most before it is killed: it dies at work. */
const longestMs = 1_500;

export interface ProcessorsRun {
  readonly options: KafkaRunOptions;
  readonly servers: string;
  /** Of the bundled processor and feeder. */
  readonly folder: string;
  readonly purchases: readonly PurchaseMessage[];
  readonly signal: AbortSignal;
  readonly tell: (text: string) => void;
}

/**
 * Runs processors in two slots, started again as often as they end, until all purchases are committed and so many are
 * killed.
 *
 * @returns how many were killed
 */
export async function runProcessors(run: ProcessorsRun): Promise<number> {
  const { options, signal, tell } = run;
  const client = kafkaClientFolder();
  const running = new Map<number, ChildProcess>();
  let kills = 0;
  let isOver = false;
  const over = () => isOver || signal.aborted;
  const supervise = async (slot: number) => {
    for (let life = 0; !over(); life += 1) {
      const worker = processor(run, client, slot);
      running.set(slot, worker);
      const ended = once(worker, 'exit');
      if (kills < options.kills) {
        await Promise.race([ended, said(worker, 'assigned')]);
        await Promise.race([ended, sleep(draw(options.seed, 'processor', slot, life) * longestMs)]);
        // Another slot may have had the last kill meanwhile.
        if (kills < options.kills && worker.kill('SIGKILL')) kills += 1;
        tell(`${kills} of ${options.kills} processors killed`);
      } else worker.stdout?.resume();
      await ended;
    }
  };
  const supervised = slots.map(supervise);
  const end = () => {
    isOver = true;
    for (const worker of running.values()) worker.kill(signal.aborted ? 'SIGKILL' : 'SIGTERM');
  };
  signal.addEventListener('abort', end);
  try {
    await feed(run, () => kills);
  } finally {
    end();
    await Promise.all(supervised);
  }
  return kills;
}

function processor({ servers, folder }: ProcessorsRun, client: string, slot: number): ChildProcess {
  return spawn(process.execPath, [join(folder, 'purchases.js')], {
    env: { ...process.env, KAFKA_SERVERS: servers, KAFKA_CLIENT_FOLDER: client, KAFKA_SLOT: String(slot) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Resolves when it prints this line. */
function said(process: ChildProcess, what: string): Promise<void> {
  return new Promise((resolve) => {
    if (process.stdout)
      createInterface({ input: process.stdout }).on('line', (line) => {
        if (line === what) resolve();
      });
  });
}

/** Writes the purchases over the time of the kills, so that none finds the processors idle. */
async function feed({ options, servers, folder, purchases, signal }: ProcessorsRun, kills: () => number) {
  const order: FeedOrder = { client: kafkaClientFolder(), servers };
  const feeder = spawn(process.execPath, [join(folder, 'feeder.js'), JSON.stringify(order)], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const ended = once(feeder, 'exit');
  const end = () => feeder.kill('SIGKILL');
  signal.addEventListener('abort', end);
  feeder.stdin.on('error', () => undefined);
  // A part at the start and one after each kill.
  const parts = options.kills + 1;
  for (let part = 0; part < parts; part += 1) {
    while (kills() < part && !signal.aborted && feeder.exitCode === null) await sleep(50);
    const [from, to] = [part, part + 1].map((of) => Math.floor((of * purchases.length) / parts));
    for (const purchase of purchases.slice(from, to)) feeder.stdin.write(`${JSON.stringify(purchase)}\n`);
  }
  feeder.stdin.end();
  const [code] = (await ended) as [number | null];
  if (code !== 0 && !signal.aborted)
    throw new KafkaProcessError(`the process that writes the purchases ended with ${code}: see above`);
}
