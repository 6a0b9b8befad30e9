import { InvalidWrite } from '../dedup/errors.js';
import type { StateOf } from './options.js';

/** @throws InvalidWrite when it does not say where it stands, or among what. */
export function assertState(type: string, { entity, version }: StateOf): void {
  const refuse = (problem: string) =>
    new InvalidWrite('watermark', `state of an event of type '${type}': ${problem}`);
  if (typeof entity !== 'string' || entity === '')
    throw refuse('its entity is no text; tell what it is the state of');
  if (typeof version === 'number' && !Number.isFinite(version)) throw refuse('its version is no number');
  if (version === '') throw refuse('its version is empty');
}
