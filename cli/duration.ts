import { InvalidArgumentError } from 'commander';

const secondsIn: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/**
 * A duration of the command line, in seconds.
 *
 * @throws InvalidArgumentError when it is not a whole number above 0 and one of `s m h d`.
 */
export function durationSeconds(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (secondsIn[unit] ?? 0);
  if (seconds <= 0) throw new InvalidArgumentError('Allowed are 30s, 15m, 12h, 86d and the like.');
  return seconds;
}

/** For people: the two largest units, such as `3d 4h`. Below zero it counts as nothing. */
export function durationText(seconds: number): string {
  const units = Object.entries(secondsIn).reverse();
  let rest = Math.max(0, Math.round(seconds));
  const parts = units.flatMap(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count > 0 ? [`${count}${unit}`] : [];
  });
  return parts.slice(0, 2).join(' ') || '0s';
}

/** How long ago a time was. @param time ISO 8601 */
export function ageText(time: string): string {
  return durationText((Date.now() - Date.parse(time)) / 1000);
}
