import type { Purchase } from './purchases.js';

/**
 * The event that says that a payment was accepted, as the outbox would send it (docs/outbox.md). Written down here
 * again, because the driver shares no code with what it drives (R42).
 */
export function acceptedEvent(purchase: Purchase): string {
  const { paymentId } = purchase;
  const time = new Date().toISOString();
  return JSON.stringify({
    specversion: '1.0',
    id: `1/payment/${paymentId}/1`,
    source: 'payments',
    type: 'PaymentAccepted',
    subject: paymentId,
    time,
    datacontenttype: 'application/json',
    epoch: '1',
    kind: 'payment',
    aggregate: paymentId,
    version: '1',
    firstenqueue: time,
    data: purchase,
  });
}

/** The payment of such an event. */
export function paymentIdOf(body: string): string {
  return (JSON.parse(body) as { data: { paymentId: string } }).data.paymentId;
}
