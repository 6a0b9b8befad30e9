import { errorLine } from '../../telemetry/error-line.js';
import { logLine } from '../../telemetry/log-line.js';
import { audit, AuditFailed, type AuditOptions, type AuditReport } from './audit.js';

export interface ScheduledAuditOptions extends AuditOptions {
  /** As the AuditSchedule construct names it: its metrics are read from the lines of this name. @default audit */
  readonly name?: string;
  /** Gets what became of each audit, without data. @default - a line of JSON on standard output */
  readonly log?: (line: object) => void;
}

/**
 * For a function on a schedule: an audit that logs what it found, and throws, so that the alarms of AuditSchedule and
 * of the function ring. One that could not look has failed, too.
 *
 * @throws AuditFailed, and what a side throws
 */
export function scheduledAudit({
  name = 'audit',
  log = logLine,
  ...options
}: ScheduledAuditOptions): () => Promise<AuditReport> {
  const say = (line: object) => log({ exactlyOnce: 'audit', audit: name, ...line });
  return async () => {
    const report = await audit(options).catch((error: unknown) => {
      say({ failed: 1, ...errorLine(error) });
      throw error;
    });
    const { ok, counts, partitions } = report;
    const findings = Object.values(counts).reduce((sum, count) => sum + count, 0);
    const rows = partitions.reduce((sum, { source }) => sum + source, 0);
    say({ failed: ok ? 0 : 1, findings, rows, ...counts });
    if (!ok) throw new AuditFailed(report);
    return report;
  };
}
