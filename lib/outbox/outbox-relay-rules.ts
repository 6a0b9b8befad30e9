import { durationText } from '../guarantees/duration-text.js';
import { isKnown } from '../guarantees/inequality.js';
import type { Violation } from '../guarantees/invalid-props.js';
import { tokenDuration } from '../guarantees/token-duration.js';
import type { OutboxRelayProps } from './outbox-relay-props.js';
import { targetViolations } from './relay-target.js';

/** What is wrong with the props of a relay by themselves. */
export function relayViolations({
  targets,
  grace,
  sweepInterval,
  alarmAfter,
  timeout,
}: OutboxRelayProps): Violation[] {
  const violations: (Violation | undefined)[] = [
    ...targetViolations(targets),
    timeout !== undefined && isKnown(timeout) && timeout.toSeconds() < 5
      ? {
          id: 'relay-timeout',
          given: `timeout is ${durationText(timeout)}`,
          allowed: 'at least 5 seconds: a fifth of it is kept for marks and the answer',
          change: 'raise `timeout`',
        }
      : undefined,
    tokenDuration('grace', grace),
    tokenDuration('sweepInterval', sweepInterval),
    tokenDuration('alarmAfter', alarmAfter),
    sweepInterval !== undefined && isKnown(sweepInterval) && sweepInterval.toSeconds() % 60 !== 0
      ? {
          id: 'sweep-interval',
          given: `sweepInterval is ${durationText(sweepInterval)}`,
          allowed: 'whole minutes, which is what schedules know',
          change: 'change `sweepInterval`',
        }
      : undefined,
  ];
  return violations.filter((violation) => violation !== undefined);
}
