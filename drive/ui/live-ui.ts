import { setTimeout as sleep } from 'node:timers/promises';
import type { Cleanup } from '../cleanup.js';
import type { TrafficPath, World } from '../paths/path.js';
import type { Progress } from '../progress.js';
import type { RunReport } from '../report.js';
import type { InvocationStart } from '../../targets/event-source/index.js';
import { LiveRun } from './live-state.js';
import { startLiveServer } from './live-server.js';
import { startWebhooks, type Webhooks, webhooksNeedEmbedded } from './webhooks.js';

/** The page of a run, while it goes on. */
export interface LiveUi {
  readonly progress: Progress;
  readonly link: string;
  /** To be called when the stack is there. */
  deployed(world: World, paths: readonly TrafficPath[]): Promise<void>;
  /** To be called when an invocation starts. */
  onStart(start: InvocationStart): void;
  /** Shows how the run ended. @param kept whether everything goes on until Ctrl-C */
  ended(report: RunReport, kept: boolean): void;
}

const countEveryMs = 1_000;

export async function startLiveUi(progress: Progress, undo: Cleanup): Promise<LiveUi> {
  const live = new LiveRun();
  const told = live.through(progress);
  const server = await startLiveServer(() => live.state());
  undo.add('stop the page of the run', () => server.stop());
  let webhooks: Webhooks | undefined;
  let toldOf: string | undefined;
  return {
    ...{ progress: told, link: server.link },
    async deployed(world, paths) {
      live.paths = () => paths.map((path) => path.state());
      void counting(paths, () => world.alive.aborted || live.report !== undefined);
      if (world.target.name !== 'embedded') {
        live.webhooks = () => webhooksNeedEmbedded;
        return;
      }
      const made = await startWebhooks(world, server.url, (line) => told.line(line));
      webhooks = made;
      toldOf = paths[0]?.functionName;
      live.webhooks = () => made.state();
    },
    onStart({ functionName, records }) {
      if (functionName === toldOf) webhooks?.give(records);
    },
    ended(report, kept) {
      live.report = report;
      live.kept = kept;
    },
  };
}

/** Lets paths that can look at what has come of them do so, until the run ends. What fails is tried again. */
async function counting(paths: readonly TrafficPath[], isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    for (const path of paths) await path.look?.().catch(() => undefined);
    await sleep(countEveryMs, undefined, { ref: false });
  }
}
