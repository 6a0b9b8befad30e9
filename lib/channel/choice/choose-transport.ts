import { figure, fifoChecks, standardChecks, type Check } from './limits.js';
import { quotas } from './quotas.js';
import type { Workload } from './workload.js';

/** Kinds of queue, first choice first. */
export type Transport = 'FIFO' | 'HIGH_THROUGHPUT_FIFO' | 'STANDARD';

/** What one kind of queue would have to hold. */
export interface Candidate {
  readonly transport: Transport;
  readonly checks: readonly Check[];
  /** Every quota that AWS does not raise holds. */
  readonly fits: boolean;
}

/** A recommendation with its reasons. */
export interface Choice {
  /** Undefined: one queue of no kind holds the workload. */
  readonly transport: Transport | undefined;
  /** Standard only: whether messages should have a group, so that a busy one does not delay the others. */
  readonly fair: boolean;
  /** Sentences: why this kind, and why not those before it, each with what is needed and what there is. */
  readonly reasons: readonly string[];
  /** What has to be seen to besides, before it holds. */
  readonly needs: readonly string[];
  /** All kinds, first choice first. */
  readonly candidates: readonly Candidate[];
}

/**
 * Which kind of queue holds a workload: FIFO if it can, else FIFO with high throughput, else Standard, on which
 * consumers keep the order by the producer's versions.
 *
 * Pure arithmetic on the dated table of quotas. A queue that is too small for a minute is not lost: what it throttles
 * is sent again, and what waits is worked off later. So the peak that counts is one that lasts.
 */
export function chooseTransport(workload: Workload): Choice {
  const candidates: Candidate[] = [
    candidate('FIFO', fifoChecks(workload, false)),
    candidate('HIGH_THROUGHPUT_FIFO', fifoChecks(workload, true)),
    candidate('STANDARD', standardChecks(workload)),
  ];
  const at = candidates.findIndex(({ fits }) => fits);
  const chosen = candidates[at];
  const rejected = at === -1 ? candidates : candidates.slice(0, at);
  const fair = chosen?.transport === 'STANDARD' && isWorthFairness(workload);
  return {
    transport: chosen?.transport,
    fair,
    candidates,
    reasons: [
      ...rejected.flatMap(({ transport, checks }) =>
        checks.filter(isInTheWay).map((one) => `not ${transportName(transport)}: ${sentence(one)}`),
      ),
      ...(chosen === undefined ? [] : [`${transportName(chosen.transport)}: ${tightest(chosen)}`]),
      ...(fair ? [fairness(workload)] : []),
    ],
    needs: needsOf(workload, chosen),
  };
}

/** The name as people say it. */
export function transportName(transport: Transport): string {
  return { FIFO: 'FIFO', HIGH_THROUGHPUT_FIFO: 'high-throughput FIFO', STANDARD: 'Standard' }[transport];
}

/** Needed and allowed, in one sentence. */
export function sentence({ needed, allowed, unit, how, holds, page }: Check): string {
  return `${figure(needed)} ${holds ? 'of' : 'needed, of'} ${figure(allowed)} ${unit} (${how}; ${page})`;
}

function candidate(transport: Transport, checks: readonly Check[]): Candidate {
  return { transport, checks, fits: !checks.some(isInTheWay) };
}

function isInTheWay({ holds, adjustable }: Check): boolean {
  return !holds && !adjustable;
}

/** The check that has the least room. */
function tightest({ checks }: Candidate): string {
  const [first] = checks
    .filter(({ adjustable }) => !adjustable)
    .sort((a, b) => b.needed / b.allowed - a.needed / a.allowed);
  return first === undefined ? 'nothing limits it' : `holds it, closest with ${sentence(first)}`;
}

function busiestInFlight({ busiestGroupPerSecond, consumerMs, consumerBatch }: Workload): number {
  return (busiestGroupPerSecond * consumerMs * consumerBatch) / 1000;
}

/** Below its thresholds a fair queue sees no noisy group, and costs more for nothing. */
function isWorthFairness(workload: Workload): boolean {
  const { peakPerSecond, busiestGroupPerSecond } = workload;
  const share = busiestGroupPerSecond / peakPerSecond;
  return (
    share < 1 && share > quotas.noisyShare.value && busiestInFlight(workload) >= quotas.noisyInFlight.value
  );
}

function fairness(workload: Workload): string {
  const { peakPerSecond, busiestGroupPerSecond } = workload;
  const percent = Math.round((busiestGroupPerSecond / peakPerSecond) * 100);
  return (
    `fair: the busiest group is ${percent} % of the peak, of ${quotas.noisyShare.value * 100} % from which it is noisy, ` +
    `with ${figure(busiestInFlight(workload))} in flight, of ${quotas.noisyInFlight.value} (${quotas.noisyShare.page})`
  );
}

function needsOf(workload: Workload, chosen: Candidate | undefined): string[] {
  if (chosen === undefined) return ['several channels, each with a part of the groups'];
  const { ordered, versioned, messageBytes } = workload;
  const byVersion = versioned
    ? 'a consumer that orders by the producer’s version (CommitWay.AGGREGATE): Standard does not'
    : 'versions from the producer, per aggregate (the outbox gives them), and CommitWay.AGGREGATE: Standard does not keep the order';
  return [
    ...(ordered && chosen.transport === 'STANDARD' ? [byVersion] : []),
    ...(messageBytes > quotas.messageBytes.value
      ? [
          `bodies in S3 (\`claimCheck\` of the sender): ${figure(messageBytes)} bytes, of ${figure(quotas.messageBytes.value)} (${quotas.messageBytes.page})`,
        ]
      : []),
    ...chosen.checks
      .filter(({ holds, adjustable }) => !holds && adjustable)
      .map((one) => `a higher quota: ${sentence(one)}`),
  ];
}
