import { inDryRun } from './dry-run.js';
import type { ResendReport } from './resend-streams.js';

/** Streams that are told of by name. */
const mostNames = 10;

/** For people: what is sent again, and what was not found. */
export function resendText({ dryRun, streams, events, nothing, cut }: ResendReport): string {
  const more = cut.length > mostNames ? [`and ${cut.length - mostNames} more: see --json`] : [];
  return [
    `${inDryRun(dryRun)}${streams} streams with ${events} events are sent again by the sweep; ${nothing} have none of that time`,
    ...(cut.length === 0
      ? []
      : [
          `of ${cut.length} of them, earlier events are past the retention of the outbox, and are not sent:`,
          ...cut.slice(0, mostNames).map(({ stream, oldest }) => `  ${stream} begins with version ${oldest}`),
          ...more,
          'a consumer that has not seen those needs a stated start (startAt) or a snapshot',
        ]),
  ].join('\n');
}
