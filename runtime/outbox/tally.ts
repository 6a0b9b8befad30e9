import type { RelayProblem, RelaySummary } from './relay-summary.js';
import type { Settled } from './settle.js';

/** What a run has come to so far. */
export class Tally {
  sent = 0;
  resent = 0;
  failed = 0;
  passed = 0;
  listed = 0;
  lagMs = 0;
  readonly problems: RelayProblem[] = [];

  settled(stream: string, { sent, resent, failures, next, unmarked }: Settled): void {
    this.sent += sent.length;
    this.resent += resent;
    const now = Date.now();
    for (const { at } of sent) this.lagMs = Math.max(this.lagMs, now - at);
    for (const [target, error] of failures) this.problem(stream, next.get(target) ?? 0n, error);
    if (unmarked !== undefined) this.problem(stream, unmarked.version, unmarked.error);
  }

  figures(): Omit<RelaySummary, 'outbox' | 'by'> {
    const { sent, resent, failed, passed, listed, lagMs, problems } = this;
    return { sent, resent, failed, passed, listed, lagMs, problems };
  }

  problem(stream: string, version: bigint, error: unknown): void {
    this.problems.push({ stream, version: String(version), error });
  }
}
