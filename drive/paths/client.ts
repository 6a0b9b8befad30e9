import { Sha256 } from '@aws-crypto/sha256-js';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import { Agent, request as httpRequest } from 'node:http';
import { Agent as SecureAgent, request as httpsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Target } from '../../targets/target.js';
import { draw } from '../input/draw.js';
import { AttemptsExhaustedError, PaymentRefusedError } from '../drive-error.js';
import type { Purchase } from '../input/purchases.js';
import { unlessAborted } from '../unless-aborted.js';
import { messageOf } from '../../targets/message-of.js';

export interface PaymentClientOptions {
  /** The API's own address, with the path below which `/payments` is. Requests are signed for its host. */
  apiUrl: string;
  /** Origin of a proxy to send through. The Host header still names the API. @default - straight to the API */
  through?: string;
  region: string;
  credentials: Target['client']['credentials'];
  /** For the jitter between attempts. @default 1 */
  seed?: number;
  /** @default 12: the pauses between them add up to 13 s on average, 26 s at most */
  maxAttempts?: number;
  /** Upper bound of the pause after the first failure; it doubles with each. @default 50 */
  firstPauseMs?: number;
  /** Called when an attempt failed and another one follows. */
  onRetry?: (paymentId: string, failure: AttemptFailure) => void;
  signal?: AbortSignal;
}

export interface AttemptFailure {
  /** Such as `status 503` or `socket hang up`. */
  readonly text: string;
  /** Of the answer, when there was one. */
  readonly status?: number;
}

export interface PaymentClient {
  /**
   * Resolves with the number of attempts once the API has accepted the payment (2xx). All attempts carry the payment
   * id as Idempotency-Key and the same body; each is signed anew.
   *
   * Repeats after a lost connection, a timeout (30 s), 5xx and 429, with exponential backoff and full jitter.
   *
   * @throws PaymentRefusedError for any other status
   * @throws AttemptsExhaustedError
   */
  send(purchase: Purchase): Promise<number>;
  close(): void;
}

const longestPauseMs = 5000;
const attemptTimeoutMs = 30_000;

/** A client of `POST /payments`, whose route asks for an IAM signature (SigV4, service execute-api). */
export function paymentClient(options: PaymentClientOptions): PaymentClient {
  const { maxAttempts = 12, firstPauseMs = 50, seed = 1 } = options;
  const api = new URL(options.apiUrl);
  const address = new URL(options.through ?? api.origin);
  const path = `${api.pathname.replace(/\/$/, '')}/payments`;
  const signer = new SignatureV4({
    service: 'execute-api',
    region: options.region,
    credentials: options.credentials,
    sha256: Sha256,
  });
  const secure = address.protocol === 'https:';
  const agent = secure ? new SecureAgent({ keepAlive: true }) : new Agent({ keepAlive: true });
  const start = secure ? httpsRequest : httpRequest;

  async function attempt(purchase: Purchase): Promise<{ status: number; body: string }> {
    const { paymentId, ...payment } = purchase;
    const body = JSON.stringify(payment);
    const signed = await signer.sign(
      new HttpRequest({
        method: 'POST',
        protocol: api.protocol,
        hostname: api.hostname,
        path,
        headers: {
          host: api.host,
          'content-type': 'application/json',
          'content-length': String(Buffer.byteLength(body)),
          'idempotency-key': paymentId,
        },
        body,
      }),
    );
    const signals = [AbortSignal.timeout(attemptTimeoutMs), ...(options.signal ? [options.signal] : [])];
    return new Promise((resolve, reject) => {
      const request = start(
        {
          agent,
          hostname: address.hostname,
          port: address.port,
          method: 'POST',
          path,
          headers: signed.headers,
          signal: AbortSignal.any(signals),
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => (text += chunk));
          response.on('error', reject);
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  }

  return {
    async send(purchase) {
      for (let number = 1; ; number += 1) {
        options.signal?.throwIfAborted();
        let failure: AttemptFailure;
        let cause: unknown;
        try {
          const { status, body } = await attempt(purchase);
          if (status >= 200 && status < 300) return number;
          if (status < 500 && status !== 429) throw new PaymentRefusedError(purchase.paymentId, status, body);
          failure = { text: `status ${status}`, status };
        } catch (error) {
          if (error instanceof PaymentRefusedError) throw error;
          options.signal?.throwIfAborted();
          failure = { text: messageOf(error) };
          cause = error;
        }
        if (number >= maxAttempts)
          throw new AttemptsExhaustedError(purchase.paymentId, number, failure.text, { cause });
        options.onRetry?.(purchase.paymentId, failure);
        const bound = Math.min(longestPauseMs, firstPauseMs * 2 ** (number - 1));
        const pause = sleep(bound * draw(seed, 'pause', purchase.paymentId, number));
        await (options.signal === undefined ? pause : unlessAborted(pause, options.signal));
      }
    },
    close: () => agent.destroy(),
  };
}
