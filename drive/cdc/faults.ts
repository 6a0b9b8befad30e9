import { setTimeout as sleep } from 'node:timers/promises';
import type { CdcOptions } from './options.js';
import type { Pipeline } from './pipeline.js';

/** What is done to the pipeline while rows are written, and how far it is. */
export interface Faults {
  /** Ends when all is done. */
  readonly done: Promise<void>;
  /**
   * Ends when so many rows may have been written: so that each fault meets a pipeline that has work left, on a
   * machine of any speed.
   */
  readonly pace: (rows: number) => Promise<void>;
}

type Fault = readonly [act: () => Promise<void>, what: string, times: number, pauseMs: number];

/** Of the rows: so many may be written beyond the share of the faults that are done. */
const slack = 0.02;
const halfWay = 0.5;

export interface FaultsOf {
  readonly options: CdcOptions;
  readonly pipeline: Pipeline;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  /** Waits until the sinks hold what is written: what a log loses unread, no sink can know. */
  readonly caughtUp: () => Promise<unknown>;
}

/** Sinks, Connect and brokers are killed side by side, at random moments. */
export function faults({ options, pipeline, signal, say, caughtUp }: FaultsOf): Faults {
  const all: readonly Fault[] = [
    [() => pipeline.sinks.killOne(), 'killed a sink', options.sinkKills, 1_500],
    [() => pipeline.killConnect(), 'killed Kafka Connect, which runs again', options.connectKills, 3_000],
    [() => pipeline.killBroker(), 'killed a broker, which is in sync again', options.brokerKills, 3_000],
  ];
  const kinds = all.filter(([, , times]) => times > 0);
  // Before the first one, between two, and after the last one some rows are written.
  const shareAfter = (done: number, times: number) => (done + 1) / (times + 1);
  const shares = kinds.map(([, , times]) => shareAfter(0, times));
  let isHeld = false;
  let isRecreated = !options.recreate;
  const share = () => Math.min(1, ...shares, isRecreated ? 1 : halfWay);
  const each = async ([act, what, times, pauseMs]: Fault, index: number) => {
    for (let time = 1; time <= times && !signal.aborted; time += 1) {
      await sleep(Math.random() * pauseMs);
      await act();
      shares[index] = shareAfter(time, times);
      say(`${what} (${time} of ${times})`);
    }
  };
  const recreate = async () => {
    while (!signal.aborted && !isHeld) await sleep(100);
    await caughtUp();
    if (signal.aborted) return;
    await pipeline.recreateCluster();
    isRecreated = true;
    say('Kafka has lost everything, and began anew as another cluster');
  };
  const running = kinds.map(each);
  if (options.recreate) running.push(recreate());
  return {
    done: Promise.all(running).then(() => undefined),
    async pace(rows) {
      while (!signal.aborted && rows > options.rows * (share() + slack)) {
        isHeld = Math.min(1, ...shares) >= halfWay;
        await sleep(50);
      }
    },
  };
}
