import type { AggregateEvent } from './folded.js';
import type { Ledger, Parked, Stream } from './ledger.js';
import { otherMark } from './marks.js';
import type { Outcome } from './outcome.js';
import { slotOf } from './stream.js';
import { KeyReused, ParkedWaiting } from './trouble-errors.js';

/**
 * What became of an event whose version has had its turn: it acted, or another payload did. Undefined when it has
 * not, or is a hole.
 */
export function outcomeBefore(
  { position, holes, marks }: Stream,
  { stream: id, version, fingerprint }: Pick<AggregateEvent, 'stream' | 'version' | 'fingerprint'>,
): Outcome | undefined {
  if (version > position || holes?.includes(version) === true) return undefined;
  const other = otherMark(marks, position - version, fingerprint);
  if (other === undefined) return { kind: 'duplicate' };
  return { kind: 'rejected', error: new KeyReused(`${id}@${version}`, other, fingerprint) };
}

/** What becomes of an event of which this is parked already: it is a copy of it, or another payload. */
export function outcomeBeside(
  kept: Pick<Parked, 'fingerprint'>,
  { stream: id, version, fingerprint }: Pick<AggregateEvent, 'stream' | 'version' | 'fingerprint'>,
): Outcome {
  if (kept.fingerprint === fingerprint) return { kind: 'duplicate' };
  return { kind: 'rejected', error: new KeyReused(`${id}@${version}`, kept.fingerprint, fingerprint) };
}

/**
 * What became of an event that may have been here before, whatever it says now; undefined when it was not.
 * `duplicate`: it has acted, or is parked and waits for its turn. `retry`: it has acted, and may have to bring a
 * parked event whose turn has come: its commit tells.
 *
 * @param keptBeside reads what is parked at a place outside the ledger.
 */
export async function outcomeRecalled(
  stream: Stream,
  event: Pick<AggregateEvent, 'stream' | 'version' | 'previous' | 'fingerprint'>,
  keptBeside: (place: bigint) => Promise<Parked | null | undefined>,
): Promise<Outcome | undefined> {
  const { parked, beyond = 0n, stopped } = stream;
  const next = nextOf(stream);
  const before = outcomeBefore(stream, event);
  if (before === undefined && event.version > next) {
    const place = slotOf(event);
    const near = parked.find(({ version }) => version === event.version);
    const kept = near ?? (beyond < place ? null : await keptBeside(place));
    return kept?.version === event.version ? outcomeBeside(kept, event) : undefined;
  }
  if (before?.kind !== 'duplicate') return before;
  const [first] = parked;
  const isDue = !stopped && ((first !== undefined && slotOf(first) <= next) || beyond >= next);
  return isDue ? { kind: 'retry', error: new ParkedWaiting(event.stream, next, 'duplicate') } : before;
}

/**
 * A parked event has no message of its own any more. While it has not acted although its turn has come, the messages
 * at or below the position are its carriers: one of them coming again is what tries it again. They are never blamed
 * for it.
 */
export function holdCarriers<Event extends AggregateEvent>(
  outcomes: Map<Event, Outcome>,
  ledger: Ledger,
  waiting: Iterable<string>,
): void {
  for (const stream of waiting) {
    const position = ledger.get(stream)?.position ?? 0n;
    for (const [event, { kind }] of outcomes)
      if (
        event.stream === stream &&
        event.version <= position &&
        (kind === 'processed' || kind === 'ignored' || kind === 'parked' || kind === 'duplicate')
      )
        outcomes.set(event, { kind: 'retry', error: new ParkedWaiting(stream, position + 1n, kind) });
  }
}

export function nextOf(stream: Stream | undefined): bigint {
  return (stream?.position ?? 0n) + 1n;
}

/** Whether everything before it that is for this consumer has acted, so far as is known. */
export function isTurn(
  stream: Stream | undefined,
  event: { readonly version: bigint; readonly previous?: bigint },
): boolean {
  const next = nextOf(stream);
  // One that is parked before it is for this consumer too, whatever the event says.
  const before = stream?.parked[0];
  return (
    event.version >= next &&
    slotOf(event) <= next &&
    (before === undefined || before.version >= event.version)
  );
}
