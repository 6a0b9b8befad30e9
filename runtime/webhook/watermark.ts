import { InvalidWrite } from '../dedup/errors.js';
import { fingerprintOf } from '../dedup/fingerprint.js';
import { receiptId } from '../dedup/identity.js';
import type { Row } from '../dynamodb/table.js';
import type { Change } from '../dynamodb/write.js';
import type { ReceivedEvent, StateOf } from './options.js';

/**
 * The row that says which state of an entity was taken last, and the condition that this one is not older. It stays:
 * an old state may come at any time.
 */
export function watermarkOf(
  receiverName: string,
  { source, type }: ReceivedEvent,
  { entity, version }: StateOf,
): { readonly key: Row; readonly change: Change } {
  const refuse = (problem: string) =>
    new InvalidWrite('watermark', `state of an event of type '${type}': ${problem}`);
  if (typeof entity !== 'string' || entity === '')
    throw refuse('its entity is no text; tell what it is the state of');
  if (typeof version === 'number' && !Number.isFinite(version)) throw refuse('its version is no number');
  if (version === '') throw refuse('its version is empty');
  return {
    key: { id: receiptId(receiverName, `watermark#${fingerprintOf([source, type, entity])}`) },
    change: {
      set: { watermark: version },
      condition: {
        expression: 'attribute_not_exists(#watermark) OR #watermark <= :version',
        names: { '#watermark': 'watermark' },
        values: { ':version': version },
      },
    },
  };
}
