import { createInterface } from 'node:readline';
import {
  channelSender,
  channelSettings,
  MessagesNotSent,
  type SendSummary,
} from '../../runtime/channel/index.js';
import type { ActivityEvent } from '../consumer/activity-event.js';
import { required } from '../environment.js';

/**
 * A producer of activity events: reads batches of them, a JSON line each, and answers with a line when all are
 * accepted. It sends what was not accepted again until it is.
 */
let said: SendSummary | undefined;
const sender = channelSender({
  settings: channelSettings(process.env),
  // A run takes a minute; a queue of AWS warms up for as long alone.
  spillover: { afterMs: Number(required('SPILL_AFTER_MS')), calmMs: 300, probeEveryMs: 100 },
  observe: (summary) => void (said = summary),
});

async function main(): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    let events = JSON.parse(line) as ActivityEvent[];
    const figures = { spilled: 0, throttled: 0, back: 0 };
    while (events.length > 0) {
      const messages = events.map((event) => ({ key: event.eventId, group: event.customer, body: event }));
      events = await sender.send(messages, { patienceMs: 3_000 }).then(
        () => [],
        (error: unknown) => {
          if (!(error instanceof MessagesNotSent)) throw error;
          return error.unsent.map(({ message }) => message.body as ActivityEvent);
        },
      );
      for (const name of ['spilled', 'throttled', 'back'] as const) figures[name] += said?.[name] ?? 0;
    }
    process.stdout.write(`${JSON.stringify(figures)}\n`);
  }
}

void main();
