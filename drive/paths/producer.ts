import { DriveError } from '../drive-error.js';
import type { ActivityEvent } from '../input/activity-events.js';
import { startLineProcess } from '../line-process.js';

/** What the sender says of one batch. */
export interface Sent {
  readonly spilled: number;
  readonly throttled: number;
  readonly back: number;
}

/** A process with the sender of the product. The driver shares no code with it: lines are all that goes between. */
export interface Producer {
  send(events: readonly ActivityEvent[]): Promise<Sent>;
  stop(): Promise<void>;
}

/** The producer ended by itself. */
export class ProducerEnded extends DriveError {
  override readonly name = 'ProducerEnded';
}

/** @param environment region, credentials, endpoint and queues */
export function startProducer(environment: Readonly<Record<string, string>>): Producer {
  const producer = startLineProcess(['channel', 'activity-producer.ts'], environment);
  const lines = producer.lines[Symbol.asyncIterator]();
  return {
    async send(events) {
      producer.stdin.write(`${JSON.stringify(events)}\n`);
      const { value, done } = await lines.next();
      if (done === true) throw new ProducerEnded(`the producer ended: ${producer.complaint()}`);
      return JSON.parse(value) as Sent;
    },
    stop: async () => producer.stop(),
  };
}
