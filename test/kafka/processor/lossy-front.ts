import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';

const produce = 0;

/**
 * Stands between clients and a broker. Told to, it lets one batch of records through, drops the broker's answer and
 * every connection, and lets nobody in for a while: to the client the broker died before it took them.
 */
export class LossyFront {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #topic: Buffer | undefined;
  #awayMs = 0;
  #closedUntil = 0;
  #answers = 0;

  private constructor(server: Server, brokerPort: number) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (client) => this.#serve(client, brokerPort));
  }

  static async before(brokerPort: number): Promise<LossyFront> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new LossyFront(server, brokerPort);
  }

  /** The answer to the next batch for a topic is lost, and nobody is let in for so long after it. */
  loseAnswer(topic: string, awayMs: number): void {
    this.#topic = Buffer.from(topic);
    this.#awayMs = awayMs;
  }

  /** How many answers were lost. */
  get lost(): number {
    return this.#answers;
  }

  close(): void {
    this.#dropAll();
    this.#server.close();
  }

  #dropAll(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  #serve(client: Socket, brokerPort: number): void {
    client.on('error', () => undefined);
    if (Date.now() < this.#closedUntil) {
      client.destroy();
      return;
    }
    const broker = connect({ host: '127.0.0.1', port: brokerPort });
    let unanswered: number | undefined;
    for (const [one, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
    client.on(
      'data',
      framed((frame) => {
        // Size, kind of request, its version, correlation id.
        if (this.#topic !== undefined && frame.readInt16BE(4) === produce && frame.includes(this.#topic)) {
          unanswered = frame.readInt32BE(8);
          this.#topic = undefined;
        }
        broker.write(frame);
      }),
    );
    broker.on(
      'data',
      framed((frame) => {
        // Size, correlation id.
        if (unanswered === undefined || frame.readInt32BE(4) !== unanswered) client.write(frame);
        else {
          this.#answers += 1;
          this.#closedUntil = Date.now() + this.#awayMs;
          this.#dropAll();
        }
      }),
    );
  }
}

/** Cuts a stream into frames, each with its size before it. */
function framed(take: (frame: Buffer) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const end = 4 + rest.readInt32BE(0);
      take(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
  };
}
