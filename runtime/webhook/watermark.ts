import { fingerprintOf } from '../dedup/fingerprint.js';
import { receiptId } from '../dedup/identity.js';
import type { Row } from '../dynamodb/table.js';
import type { Change } from '../dynamodb/write.js';
import { comparable } from './state.js';
import type { ReceivedEvent, StateOf } from './options.js';

/**
 * The row that says which state of an entity was taken last, and the condition that this one is not older. It stays:
 * an old state may come at any time.
 */
export function watermarkOf(
  receiverName: string,
  { source, type }: ReceivedEvent,
  state: StateOf,
): { readonly key: Row; readonly change: Change } {
  const { entity, version } = comparable(type, state);
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
