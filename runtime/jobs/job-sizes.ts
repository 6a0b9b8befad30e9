import { UnserialisableValue } from '../dedup/errors.js';
import { valueText } from '../dedup/value-text.js';
import type { JobResult } from './job-store.js';

/** The same in every store, so that a job may move from one to the other: an item of DynamoDB has 400 KB. */
export const maxResultBytes = 350 * 1024;
export const maxProgressBytes = 100 * 1024;
/** Characters of a reason that are kept: the row has to fit into an item beside a result. */
export const maxReason = 1024;

/** @throws UnserialisableValue for what no text can give again, and for more than 100 KB. */
export function progressText(progress: unknown): string {
  const text = valueText(progress);
  const bytes = Buffer.byteLength(text);
  if (bytes > maxProgressBytes)
    throw new UnserialisableValue('progress', `it has ${bytes} bytes, at most ${maxProgressBytes} are kept`);
  return text;
}

/** @throws UnserialisableValue for what no text can give again, and for more than 350 KB. */
export function resultOf(value: unknown): JobResult {
  const text = value === undefined ? undefined : valueText(value);
  const bytes = Buffer.byteLength(text ?? '');
  if (bytes > maxResultBytes)
    throw new UnserialisableValue(
      'result',
      `it has ${bytes} bytes, a job keeps ${maxResultBytes}; store it elsewhere and return its address`,
    );
  return { value, text, bytes };
}
