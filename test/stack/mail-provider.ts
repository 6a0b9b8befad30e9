import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Whether its target can hold it decides whether the stack is deployed with mails. */
export const mailTest =
  'every settled payment has one mail, also when its event comes again or the provider does not answer';

/**
 * A mail provider as a real HTTP server. It drops a second call with an Idempotency-Key that it knows, so its mails
 * alone show no double: it counts the calls, too.
 */
export class MailProvider {
  private readonly calls: { readonly paymentId: string; readonly key: string }[] = [];
  private readonly mails = new Map<string, string>();
  private readonly silent = new Set<string>();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<MailProvider> {
    const provider = new MailProvider(
      createServer((request, response) => {
        void provider.answer(request, response);
      }),
    );
    await new Promise<void>((resolve) => provider.server.listen(0, '127.0.0.1', resolve));
    return provider;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The first call for this payment is executed, and then its connection reset: the caller learns nothing. */
  resetAfter(paymentId: string): void {
    this.silent.add(paymentId);
  }

  /** How many mails were sent for the payment. */
  sent(paymentId: string): number {
    return [...this.mails.values()].filter((mail) => mail === paymentId).length;
  }

  /** How often a mail for the payment was asked for. */
  called(paymentId: string): number {
    return this.calls.filter((call) => call.paymentId === paymentId).length;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const key = request.headers['idempotency-key']?.toString();
    if (request.url !== '/mails' || key === undefined) {
      response.writeHead(400).end();
      return;
    }
    const { paymentId } = JSON.parse(text) as { paymentId: string };
    this.calls.push({ paymentId, key });
    this.mails.set(key, paymentId);
    if (this.silent.delete(paymentId)) request.socket.resetAndDestroy();
    else response.end(JSON.stringify({ mailId: `mail-${key}` }));
  }
}
