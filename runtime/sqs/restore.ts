import type { SQSMessageAttributes } from 'aws-lambda';
import { exactJsonText, parseJson } from '../dedup/exact-json.js';
import { maxDepth } from '../dedup/plain-json.js';
import type { Position } from '../dedup/way.js';
import { deliveryOf, type SqsDelivery } from './delivery.js';

/** See `Transport.restore`. */
export function restore(
  { carried, position }: { readonly carried: string; readonly position: Position },
  { record: carrier }: SqsDelivery,
): SqsDelivery {
  const { body, attributes, group } = parseJson(carried, maxDepth + 1) as Carried;
  const messageAttributes: SQSMessageAttributes = {};
  for (const [name, stringValue] of Object.entries(attributes))
    messageAttributes[name] = { dataType: 'String', stringValue };
  return deliveryOf({
    ...carrier,
    messageId: `${carrier.messageId}@${position.sequence}`,
    body: exactJsonText(body),
    messageAttributes,
    attributes: { ...carrier.attributes, ...(group !== undefined && { MessageGroupId: group }) },
  });
}

/** What an aggregate keeps of a message that is parked inside of it. */
interface Carried {
  readonly body: unknown;
  readonly attributes: Readonly<Record<string, string>>;
  readonly group: string | undefined;
}
