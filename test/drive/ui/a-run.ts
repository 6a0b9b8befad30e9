import type { PathReport, RunReport } from '../../../drive/report.js';
import { LiveRun, type LiveWebhooks } from '../../../drive/ui/live-state.js';

const nobody = { customers: 0, cents: 0n };
const own: PathReport = {
  ...{ name: 'payments', verdict: 'violated', sent: 100, retries: 12, delivered: 111, suppressed: 7 },
  ...{ effects: 100, lost: 1, doubled: 0, dead: 0, parked: 0, wruPerMessage: 8, killed: 3 },
  ...{ findings: ['payment <p> is lost'], notes: ['faults: some'] },
  charges: { tooMuch: nobody, tooLittle: nobody },
};
const twin: PathReport = {
  ...own,
  ...{ name: 'unprotected', comparison: true, doubled: 2 },
  charges: { tooMuch: { customers: 2, cents: 300n }, tooLittle: nobody },
};

/** A run that has gone wrong. */
export const report: RunReport = {
  ...{ target: 'embedded', seed: 1, paths: [own, twin], memoryMiB: 210 },
  seconds: { setUp: 41.2, traffic: 20, tail: 23.5 },
};

/** A run half-way. */
export function liveRun(): LiveRun {
  const live = new LiveRun();
  live.phase = 'traffic';
  live.paths = () =>
    ['payments', 'unprotected'].map((name) => ({
      ...{ name, done: 40, total: 100, note: '23 s until what a killed function held comes back' },
      live: { retries: 3, delivered: 44, suppressed: 2, killed: 1, acted: 39, doubled: 0 },
    }));
  const webhooks: LiveWebhooks = {
    ...{ taken: 40, suppressed: 3 },
    link: 'http://127.0.0.1:1/?token=a',
    endpoints: [{ id: 'warehouse', manner: 'loses answers', arrived: 44, acted: 40, suppressed: 4 }],
  };
  live.webhooks = () => webhooks;
  return live;
}
