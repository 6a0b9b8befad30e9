import type { Construct } from 'constructs';
import { InvalidProps, type Violation } from './invalid-props.js';

/** What a prop is known by, and where one comes from. */
export interface Kind {
  /** Names that only this kind has. */
  readonly members: readonly string[];
  readonly allowed: string;
  readonly change: string;
}

export const kinds = {
  channel: {
    members: ['queue', 'deadLetterQueue'],
    allowed: 'a MessageChannel',
    change:
      'give `new MessageChannel(...)`, or queues that you have through `MessageChannel.fromQueues(...)`',
  },
  dedupTable: {
    members: ['table', 'grantCommitReceipts'],
    allowed: 'a DedupTable',
    change: 'give `new DedupTable(...)`, or a table that you have through `DedupTable.fromTable(...)`',
  },
  outbox: {
    members: ['table', 'retention'],
    allowed: 'an OutboxTable',
    change: 'give `new OutboxTable(...)`',
  },
  target: {
    members: ['bind'],
    allowed: 'a RelayTarget',
    change: 'wrap it: `RelayTarget.channel(...)`, `RelayTarget.topic(...)` or `RelayTarget.eventBus(...)`',
  },
} as const satisfies Record<string, Kind>;

/**
 * Refuses props of another kind, before anything is read of them: JavaScript passes a plain queue or table where one
 * of this package is wanted, and would fail at a property of undefined.
 *
 * @param given by the name of the prop: what it has to be, and what was given
 * @throws InvalidProps
 */
export function expectKinds(
  constructClass: string,
  scope: Construct,
  given: Readonly<Record<string, readonly [kind: Kind, value: unknown]>>,
): void {
  const violations = Object.entries(given).flatMap(([prop, [kind, value]]): Violation[] => {
    const { members, allowed, change } = kind;
    if (typeof value === 'object' && value !== null && members.every((name) => name in value)) return [];
    return [{ id: 'prop-of-its-kind', given: `\`${prop}\` is ${described(value)}`, allowed, change }];
  });
  if (violations.length > 0) throw new InvalidProps(constructClass, scope.node.path, violations);
}

function described(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  return `a ${value.constructor.name}`;
}
