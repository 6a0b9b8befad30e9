import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Change, Sink, SinkState } from '../runtime/cdc/index.js';
import { linesOf } from '../runtime/cdc/lines.js';

const compress = promisify(gzip);

export interface CompressingOptions {
  /** Makes the line of a change. @default - the record's value as it came */
  readonly line?: (change: Change) => string;
  /** Is called while a batch, its lines and what they come to are all held. */
  readonly look?: () => void;
}

/** What the S3 sink does on the processor and in memory, without S3. */
export function compressing({ line, look }: CompressingOptions = {}): Sink {
  const states = new Map<string, SinkState>();
  return {
    name: 'compress',
    open: ({ topicId }) => Promise.resolve(states.get(topicId) ?? { next: 0n }),
    async write({ partition, to, changes }) {
      const lines = linesOf(changes, line);
      const packed = await compress(lines, { level: 1 });
      look?.();
      if (packed.byteLength > lines.byteLength) throw new Error('the lines were not compressed');
      states.set(partition.topicId, to);
      return to;
    },
  };
}
