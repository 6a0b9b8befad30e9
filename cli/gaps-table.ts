import type { Gap } from '../runtime/dynamodb/gaps.js';
import { ageText } from './duration.js';
import { tableText } from './output.js';

export function gapsTable(gaps: readonly Pick<Gap, 'sequence' | 'waiting' | 'since' | 'stream'>[]): string {
  return tableText(
    gaps.map(({ sequence, waiting, since, stream }) => ({
      MISSING: sequence,
      NEXT: waiting,
      FOR: ageText(since),
      STREAM: stream,
    })),
  );
}
