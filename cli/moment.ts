import { InvalidArgumentError } from 'commander';
import { durationSeconds } from './duration.js';

/**
 * A moment of the command line, as epoch milliseconds: an ISO 8601 time with its offset, or how long ago it was, such
 * as `90m`.
 *
 * @throws InvalidArgumentError when it is neither, or lies in the future.
 */
export function moment(text: string): number {
  const at = /^\d+[smhd]$/.test(text)
    ? Date.now() - durationSeconds(text) * 1000
    : /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$/.test(text)
      ? parsedDate(text)
      : NaN;
  if (Number.isNaN(at) || at > Date.now())
    throw new InvalidArgumentError(
      'Allowed are times before now such as 2026-11-28T12:30:00Z, and 90m, 12h, 3d for so long ago.',
    );
  return at;
}

/** `Date.parse` makes 2 March of 30 February. NaN for a day that is not in the calendar. */
function parsedDate(text: string): number {
  const [year = 0, month = 0, day = 0] = text.slice(0, 10).split('-').map(Number);
  return new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day ? Date.parse(text) : NaN;
}
