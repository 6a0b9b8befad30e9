import {
  flat,
  invocationLine,
  logLine,
  queueLine,
  storageLine,
  writeLine,
  type Cost,
  type CostLine,
} from '../guarantees/cost.js';
import { isKnown } from '../guarantees/inequality.js';
import type { Duration } from 'aws-cdk-lib';
import { prices } from '../guarantees/prices.js';
import type { JobQueueProps } from './job-queue-props.js';

/** Write units of a job that succeeds at its first try, besides what it writes itself. */
export const jobUnits = {
  /** The job's row: accepted, sent, begun; each of them once more in the index of open jobs. */
  begun: 3,
  /** That it is done, and the receipt, in the transaction of its writes. */
  doneInTransaction: 4,
  /** The index, which has every open job with all its attributes, and loses it at the end. */
  listed: 4,
  /** A heartbeat, with the index. */
  heartbeat: 2,
} as const;

/** Nothing at synth knows how long a job runs. */
const assumedSeconds = 1;

/** Of a million jobs. Undefined when a value of it is known only at deployment. */
export function jobCost(props: JobQueueProps, retention: Duration): Cost | undefined {
  const { memorySize = 256, cpu = 256, memoryLimitMiB = 512 } = props;
  if (![memorySize, cpu, memoryLimitMiB, retention].every(isKnown)) return undefined;
  const days = retention.toSeconds() / 86_400;
  return {
    per: 'jobs',
    batchSize: 1,
    lines: [
      queueLine(false, 1),
      ...(props.entry === undefined
        ? [fargateLine(cpu, memoryLimitMiB)]
        : [invocationLine({ memoryMegabytes: memorySize, arm: true }, 1, assumedSeconds), logLine(1)]),
      // What a database costs is not counted by the write.
      ...(props.receiptsInPostgres === true
        ? []
        : [
            writeLine([
              [jobUnits.begun, 'for its row'],
              [jobUnits.doneInTransaction, 'for its end and its receipt'],
              [jobUnits.listed, 'for the index of open jobs'],
            ]),
            storageLine('jobs kept', days),
            storageLine('receipts kept', days),
          ]),
    ],
  };
}

/** The sentences beside the cost. */
export function jobCostNotes({ receiptsInPostgres = false }: JobQueueProps): string[] {
  const assumed = `Assumed of a job: it runs for ${assumedSeconds} s and succeeds at its first try.`;
  return receiptsInPostgres
    ? [assumed]
    : [`${assumed} Each item that it writes costs 2 write units more, each heartbeat ${jobUnits.heartbeat}.`];
}

function fargateLine(cpu: number, memoryLimitMiB: number): CostLine {
  const cores = cpu / 1024;
  const gigabytes = memoryLimitMiB / 1024;
  const hours = (1_000_000 * assumedSeconds) / 3600;
  const hour = cores * prices.fargateArmCoreHour + gigabytes * prices.fargateArmGigabyteHour;
  return flat(
    'Fargate',
    `${hours.toFixed(1)} hours x (${cores} vCPU x $${prices.fargateArmCoreHour} + ${gigabytes} GB x $${prices.fargateArmGigabyteHour}), one job after the other`,
    hours * hour,
  );
}
