import { InvalidWrite } from '../dedup/errors.js';
import type { StateOf } from './options.js';

/**
 * A state whose version can be compared with others by its text.
 *
 * @throws InvalidWrite when it does not say where it stands, or among what.
 */
export function comparable(type: string, { entity, version }: StateOf): StateOf {
  const refuse = (problem: string) =>
    new InvalidWrite('watermark', `state of an event of type '${type}': ${problem}`);
  if (typeof entity !== 'string' || entity === '')
    throw refuse('its entity is no text; tell what it is the state of');
  if (typeof version === 'number' && !Number.isFinite(version)) throw refuse('its version is no number');
  if (version === '') throw refuse('its version is empty');
  return { entity, version: typeof version === 'string' ? timeText(version) : version };
}

const instant = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d+))?)?(Z|[+-]\d\d(?::?\d\d)?)$/i;

/**
 * A time of ISO 8601 as a text that sorts as times do, other text as it is. Senders leave fractions out where they
 * are zero, though `.` sorts before `Z`, and tell local times, whose hours come twice when summer time ends: by their
 * own text later states would be taken for older ones, and lost. It is UTC, with the fraction behind the `Z`.
 */
function timeText(text: string): string {
  const [, date, time, seconds = '00', fraction = '', zone = ''] = instant.exec(text) ?? [];
  const offset = zone.replace(
    /^([+-]\d\d):?(\d\d)?$/,
    (_, hours: string, minutes = '00') => `${hours}:${minutes}`,
  );
  const at = new Date(`${date}T${time}:${seconds}${offset.toUpperCase()}`);
  if (Number.isNaN(at.getTime())) return text;
  return `${at.toISOString().slice(0, 'YYYY-MM-DDTHH:MM:SS'.length)}Z${fraction.replace(/0+$/, '')}`;
}
