import { maybeTextIn, objectIn, textIn, jsonOf, type Content, type Members } from '../content.js';
import { MalformedEvent } from '../errors.js';
import type { WebhookScheme } from '../scheme.js';
import { hmac, isSignature, keyOf } from '../signature.js';

/**
 * Adyen, standard notifications: one request has several, each with a signature of its own over eight of its fields.
 * The rest of a notification is unsigned, so an event is its signed fields. Adyen wants `[accepted]`.
 *
 * @see https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures
 */
export function adyen(): WebhookScheme {
  return {
    name: 'adyen',
    signs: ['id', 'fields'],
    horizonSeconds: 30 * 24 * 3600,
    verify({ body }, secrets) {
      let items;
      try {
        items = itemsOf(jsonOf(body));
      } catch (error) {
        if (error instanceof MalformedEvent) return false;
        throw error;
      }
      return items.length > 0 && items.every((item) => secrets.some((secret) => isSigned(item, secret)));
    },
    events: (_, content: Content) =>
      itemsOf(content.json()).map((item) => {
        const [pspReference, eventCode] = [textIn(item, 'pspReference'), textIn(item, 'eventCode')];
        return {
          identity: signedFields(item),
          senderId: pspReference,
          type: eventCode,
          data: item,
        };
      }),
    reply: { status: 200, headers: { 'content-type': 'text/plain' }, body: '[accepted]' },
  };
}

function itemsOf(json: unknown): Members[] {
  const { notificationItems } = objectIn(json, 'the body');
  if (!Array.isArray(notificationItems)) throw new MalformedEvent("member 'notificationItems' is no list");
  return notificationItems.map((item: unknown) =>
    objectIn(
      objectIn(item, "an entry of 'notificationItems'").NotificationRequestItem,
      "member 'NotificationRequestItem'",
    ),
  );
}

function isSigned(item: Members, secret: string): boolean {
  const { hmacSignature } = objectIn(item.additionalData ?? {}, "member 'additionalData'");
  const signed = signedFields(item).join(':');
  return (
    typeof hmacSignature === 'string' &&
    isSignature(hmacSignature, 'base64', hmac('sha256', keyOf(secret, 'hex'), signed))
  );
}

function signedFields(item: Members): string[] {
  const amount = objectIn(item.amount ?? {}, "member 'amount'");
  return [
    maybeTextIn(item, 'pspReference'),
    maybeTextIn(item, 'originalReference'),
    maybeTextIn(item, 'merchantAccountCode'),
    maybeTextIn(item, 'merchantReference'),
    scalarIn(amount, 'value'),
    maybeTextIn(amount, 'currency'),
    maybeTextIn(item, 'eventCode'),
    scalarIn(item, 'success'),
  ];
}

/** Adyen sends `"success": "true"`, and amounts as numbers. */
function scalarIn(members: Members, name: string): string {
  const value = members[name];
  return ['string', 'number', 'bigint', 'boolean'].includes(typeof value) ? String(value) : '';
}
