import { errorLine } from '../../telemetry/error-line.js';
import { logLine } from '../../telemetry/log-line.js';
import type { ProcessorEvent } from './events.js';

const summaryMs = 60_000;

/**
 * An observer that writes JSON lines: every event that somebody may have to look at, and once a minute how much was
 * committed, and the lag. No line holds what a record or an error's text says (R59). The alarms of the KafkaProcessor
 * construct read them.
 *
 * @param write @default - standard output
 */
export function logProcessorEvents(
  consumerName: string,
  write: (line: object) => void = logLine,
): (event: ProcessorEvent) => void {
  let since = performance.now();
  let lagToldAt = -Infinity;
  let committed = { transactions: 0, messages: 0, sent: 0 };
  const say = (kind: string, fields: object) =>
    write({ exactlyOnce: 'kafka-processor', consumerName, kind, ...fields });
  const summary = () => {
    if (committed.transactions > 0) say('committed', committed);
    committed = { transactions: 0, messages: 0, sent: 0 };
    since = performance.now();
  };
  return (event) => {
    if (event.kind === 'committed') {
      committed.transactions += 1;
      committed.messages += event.messages;
      committed.sent += event.sent;
      if (performance.now() - since >= summaryMs) summary();
      return;
    }
    if (event.kind === 'lag') {
      if (performance.now() - lagToldAt < summaryMs) return;
      lagToldAt = performance.now();
    }
    if (event.kind === 'stopped') summary();
    const { kind, ...fields } = event;
    say(kind, 'error' in fields ? { ...fields, ...errorLine(fields.error) } : fields);
  };
}
