import type { Change, Decode } from '../change.js';
import { advanced, isBehind, ordinalOf, type SourcePosition } from '../position.js';
import type { Source } from '../source.js';
import { assertColumns, rowText, type AuditedColumns } from './row-text.js';
import type { AuditSide } from './side.js';

export interface LogSideOptions extends AuditedColumns {
  readonly source: Source;
  readonly decode: Decode;
  /** Whose lowest and highest are compared: of a row of a snapshot the position is empty. @default key */
  readonly place?: 'key' | 'position';
}

const ops = { insert: 'c', update: 'u', read: 'r', delete: 'd' } as const;
const maxBytes = 1024 * 1024;
/** A log behind a network answers late. Nothing within it: what is left are the ends of transactions. */
const waitMs = 5_000;

/** Every change of a log, once, whatever the offsets that it has come under: to compare with a lake's `changes`. */
export function logSide(options: LogSideOptions): AuditSide {
  assertColumns(options);
  const { source, decode, partition: name, place = 'key' } = options;
  return {
    name: `log ${name}`,
    async *rows() {
      for (const partition of await source.partitions()) {
        const { start, end } = await source.bounds(partition);
        let reached: SourcePosition | undefined;
        const known = new Map<string, bigint>();
        for (let next = start; next < end;) {
          const records = await source.fetch(partition, next, { maxBytes, maxRecords: 1_000, waitMs });
          for (const record of records) {
            const change = decode(record, partition);
            if (change === undefined || cameBefore(change, known, reached)) continue;
            if (change.position !== undefined) reached = advanced(reached, change.position);
            const { key, text } = rowText(options, change.row ?? change.key);
            const at = place === 'position' ? { at: change.position ?? '' } : {};
            yield { partition: name, key, text: `${ops[change.kind]}${text}`, ...at };
          }
          const last = records.at(-1);
          if (last === undefined) break;
          next = last.offset + 1n;
        }
      }
    },
  };
}

/** Each of them takes about 100 bytes. A connector that begins again tells nothing as old as that. */
const mostKnown = 1_000_000;

/** By the number of its transaction, and its place in it: another rule than that of the sinks. */
function cameBefore(
  { transaction, position }: Change,
  known: Map<string, bigint>,
  reached: SourcePosition | undefined,
): boolean {
  if (position === undefined) return false;
  if (transaction === undefined) return isBehind(position, reached);
  const ordinal = ordinalOf(position);
  if (ordinal <= (known.get(transaction) ?? 0n)) return true;
  known.delete(transaction);
  known.set(transaction, ordinal);
  if (known.size > mostKnown) known.delete(known.keys().next().value ?? '');
  return false;
}
