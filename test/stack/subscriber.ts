import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

/** Whether its target can hold it decides whether subscribers on this machine are reached. */
export const subscriberTest =
  'a subscriber is told of each payment, signed and under one id, also when its first answer is lost: it acts once';

/**
 * A subscriber as a real HTTP server that checks what it is told with the package of Standard Webhooks. It acts once
 * per `webhook-id`, and counts what arrives as well.
 */
export class Subscriber {
  readonly #acts: { readonly type: string; readonly paymentId: string }[] = [];
  readonly #seen = new Map<string, number>();
  #secret = '';

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Subscriber> {
    const subscriber = new Subscriber(
      createServer((request, response) => {
        void subscriber.answer(request, response);
      }),
    );
    await new Promise<void>((resolve) => subscriber.server.listen(0, '127.0.0.1', resolve));
    return subscriber;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hooks`;
  }

  /** What its registration gave it to check signatures with. */
  trust(secret: string | undefined): void {
    this.#secret = secret ?? '';
  }

  /** How often it has acted upon a type of event of a payment. */
  acts(type: string, paymentId: string): number {
    return this.#acts.filter((one) => one.type === type && one.paymentId === paymentId).length;
  }

  /** How often each id has arrived. */
  get arrivals(): number[] {
    return [...this.#seen.values()];
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const headers = request.headers as Record<string, string>;
    try {
      new Webhook(this.#secret).verify(text, headers);
    } catch {
      response.writeHead(401).end();
      return;
    }
    const id = headers['webhook-id'] ?? '';
    const before = this.#seen.get(id) ?? 0;
    this.#seen.set(id, before + 1);
    if (before > 0) {
      response.writeHead(204).end();
      return;
    }
    const { type, data } = JSON.parse(text) as { type: string; data: { paymentId: string } };
    this.#acts.push({ type, paymentId: data.paymentId });
    // It has acted, and its answer is lost.
    request.socket.resetAndDestroy();
  }
}
