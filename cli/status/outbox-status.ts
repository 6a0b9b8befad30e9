import type { OutboxAccess } from '../../runtime/outbox/outbox-access.js';
import { readRelayState, type RelayState } from '../../runtime/outbox/relay-state.js';
import { stuckStreams } from '../../runtime/outbox/stuck-streams.js';
import { collected } from '../collected.js';
import type { NotKnown } from '../permission.js';
import { listedStream, targetText, type ListedStream } from '../stuck-table.js';
import { asked } from './ask.js';
import { listed, patienceMs, unknown, type StatusDetail, type StatusLine } from './status-line.js';

/** What is to be said of one outbox. */
export async function outboxStatus(access: OutboxAccess, notKnown: NotKnown): Promise<StatusLine[]> {
  const of = access.table;
  const streams = await asked(notKnown, `stuck streams of '${of}'`, 'dynamodb:Query', async () =>
    (await collected(stuckStreams(access))).flat().map(listedStream),
  );
  const state = await asked(notKnown, `relay of '${of}'`, 'dynamodb:Query', () => readRelayState(access));
  return [...streamLines(of, streams), relayLine(of, state)];
}

function streamLines(of: string, streams: readonly ListedStream[] | undefined): StatusLine[] {
  const about = { of, mend: 'outbox list, outbox skip', page: 'runbook/stuck-streams.md' };
  if (streams === undefined)
    return ['stuck streams', 'oldest unsent'].map((what) => ({ ...about, what, ...unknown }));
  const details = streams.map((one) => ({
    what: `${one.stream} at ${Object.entries(one.next)
      .map(([target, version]) => `${targetText(target, one)}: ${version}`)
      .join(', ')}`,
    since: one.since,
    reason: `${one.resend ? 'sent again: ' : ''}${one.reason} (${one.tries} tries)`,
  }));
  const standing = streams.filter(isOld);
  const unsent = streams.map(({ oldest }) => oldest).sort()[0];
  return [
    { ...about, what: 'stuck streams', ...listed(details), needsPerson: standing.length > 0 },
    {
      ...{ ...about, what: 'oldest unsent', count: streams.length, since: unsent, details: [] },
      needsPerson: standing.length > 0,
    },
  ];
}

function isOld({ since }: Pick<StatusDetail, 'since'>): boolean {
  return since === undefined || Date.now() - Date.parse(since) > patienceMs;
}

function relayLine(of: string, state: RelayState | undefined): StatusLine {
  const about = { of, what: 'silent relay', mend: "its function's log", page: 'runbook/relay-lag.md' };
  if (state === undefined) return { ...about, ...unknown };
  const details = silence(state);
  return { ...about, ...listed(details), needsPerson: details.some(isOld) };
}

/** What the sweep writes and the table's stream brings back shows whether both are at work. */
function silence({ tickedAt, missedAt }: RelayState): StatusDetail[] {
  const at = (ms: number) => new Date(ms).toISOString();
  if (missedAt !== undefined)
    return Date.now() - missedAt > patienceMs
      ? [
          {
            what: "the table's stream",
            since: at(missedAt),
            reason: 'it brings nothing to the relay: is its mapping on?',
          },
        ]
      : [];
  if (Date.now() - tickedAt <= patienceMs) return [];
  const never = { what: 'the sweep', reason: 'it has never run: is its schedule on?' };
  const stopped = { what: 'the sweep', reason: 'it has not run since: is its schedule on?' };
  return [tickedAt === 0 ? never : { ...stopped, since: at(tickedAt) }];
}
