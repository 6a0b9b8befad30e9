import * as z from 'zod/mini';
import { EffectNotStarted, type EffectCall } from '../../runtime/lease/index.js';

export interface ReceiptMail {
  readonly paymentId: string;
  readonly customer: string;
  readonly cents: number;
}

const Sent = z.object({ mailId: z.string() });

/**
 * Sends mails through `POST <url>/mails`, which drops a second one with an Idempotency-Key that it knows.
 *
 * @returns a function that sends one and returns the provider's id of it.
 */
export function mailProvider(url: string): (mail: ReceiptMail, call: EffectCall) => Promise<string> {
  return async (mail, { idempotencyKey, signal }) => {
    const answer = await fetch(`${url}/mails`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': idempotencyKey },
      body: JSON.stringify(mail),
      signal,
    });
    // A provider that says no has sent nothing. One that fails or does not answer may have.
    if (answer.status >= 400 && answer.status < 500)
      throw new EffectNotStarted(`the mail provider refused: status ${answer.status}`);
    if (!answer.ok) throw new Error(`the mail provider failed: status ${answer.status}`);
    return Sent.parse(await answer.json()).mailId;
  };
}
