import { Annotations } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Violation } from '../guarantees/invalid-props.js';
import { plainWorkload } from './channel-workload.js';
import { pinKey, pinLine, propsText, transports } from './choice/pin.js';
import {
  chooseTransport,
  sentence,
  transportName,
  type Choice,
  type Transport,
} from './choice/choose-transport.js';
import { workloadProblems } from './choice/workload.js';
import { ChannelKind, type MessageChannelProps } from './message-channel-props.js';

/** What was decided of the kind of a channel, and what is wrong with it. */
export interface Decision {
  /** Undefined: nothing was decided, which is a violation. */
  readonly kind: ChannelKind | undefined;
  readonly highThroughput: boolean;
  readonly violations: readonly Violation[];
  readonly notes: readonly string[];
}

/**
 * The kind of a channel is decided once and written down: in `kind`, in cdk.json, or in both. A workload recommends
 * and warns; it never decides, because another number in it would then replace a queue that holds messages (R33).
 */
export function decideTransport(scope: Construct, props: MessageChannelProps): Decision {
  const { path } = scope.node;
  const { pinned, violations } = pinOf(scope);
  const stated = statedIn(props);
  const decided = stated ?? pinned;
  const problems = props.workload && workloadViolations(scope, props);
  const choice =
    props.workload && problems?.length === 0
      ? chooseTransport(plainWorkload(scope, props.workload))
      : undefined;
  if (decided !== undefined && choice !== undefined) warnUnlessItFits(scope, decided, choice);
  return {
    kind: decided && kindOf(decided),
    highThroughput: props.highThroughput ?? decided === 'HIGH_THROUGHPUT_FIFO',
    violations: [
      ...violations,
      ...(problems ?? []),
      ...(decided === undefined ? [undecided(path, choice)] : []),
      ...(stated !== undefined && pinned !== undefined && kindOf(stated) !== kindOf(pinned)
        ? [changed(path, stated, pinned)]
        : []),
    ],
    notes: decided === undefined ? [] : notesOf(decided, pinned, choice),
  };
}

function statedIn({ kind, highThroughput }: MessageChannelProps): Transport | undefined {
  if (kind === undefined) return undefined;
  if (kind === ChannelKind.STANDARD) return 'STANDARD';
  return highThroughput === true ? 'HIGH_THROUGHPUT_FIFO' : 'FIFO';
}

function kindOf(transport: Transport): ChannelKind {
  return transport === 'STANDARD' ? ChannelKind.STANDARD : ChannelKind.FIFO;
}

function pinOf(scope: Construct): { pinned: Transport | undefined; violations: Violation[] } {
  const pins: unknown = scope.node.tryGetContext(pinKey);
  const pin = (Object(pins) as Record<string, unknown>)[scope.node.path];
  const pinned = transports.find((one) => one === pin);
  if (pin === undefined || pinned !== undefined) return { pinned, violations: [] };
  return {
    pinned: undefined,
    violations: [
      {
        id: 'transport-is-pinned',
        given: `${pinKey} in cdk.json has ${JSON.stringify(pin)} for this channel`,
        allowed: transports.join(', '),
        change: 'correct the context',
      },
    ],
  };
}

function workloadViolations(scope: Construct, { workload }: MessageChannelProps): Violation[] {
  if (workload === undefined) return [];
  return workloadProblems(plainWorkload(scope, workload)).map(({ field, given, allowed }) => ({
    id: 'workload-is-a-number',
    given: `${field} of workload is ${given}`,
    allowed,
    change: 'change `workload`',
  }));
}

function undecided(path: string, choice: Choice | undefined): Violation {
  const { transport, reasons = [] } = choice ?? {};
  const advice =
    transport === undefined
      ? ['`npx exactly-once-aws choose` recommends one', ...reasons]
      : [`${transportName(transport)} is recommended`, ...reasons];
  return {
    id: 'transport-is-decided',
    given: 'neither `kind` nor a decision in cdk.json is given',
    allowed: `one of both, so that no other number can replace the queue later; ${advice.join('; ')}`,
    change:
      transport === undefined
        ? 'give `kind`, or `workload` for a recommendation'
        : `write \`${propsText(transport)}\` into the props, or ${pinLine(path, transport)} into the context of cdk.json`,
  };
}

function changed(path: string, stated: Transport, pinned: Transport): Violation {
  return {
    id: 'transport-is-pinned',
    given: `kind is ${kindOf(stated)}`,
    allowed: `${kindOf(pinned)}, which cdk.json has written down for '${path}': another kind is a new, empty queue, and what is in the old one would reach nobody`,
    change: 'take the change back, or make a second channel with `migrateFrom` (docs/runbook/migration.md)',
  };
}

function warnUnlessItFits(scope: Construct, decided: Transport, choice: Choice): void {
  const candidate = choice.candidates.find(({ transport }) => transport === decided);
  if (candidate === undefined || candidate.fits) return;
  const broken = candidate.checks.filter(({ holds, adjustable }) => !holds && !adjustable).map(sentence);
  const better =
    choice.transport === undefined ? 'no single queue does' : `${transportName(choice.transport)} does`;
  Annotations.of(scope).addWarningV2(
    'exactly-once-aws:channelNoLongerFits',
    `${transportName(decided)} does not hold the workload and stays as it is: ${broken.join('; ')}; ${better}`,
  );
}

function notesOf(decided: Transport, pinned: Transport | undefined, choice: Choice | undefined): string[] {
  const where = pinned === undefined ? '`kind`' : 'cdk.json';
  return [
    `Decided for ${transportName(decided)}, written down in ${where}.`,
    ...(choice === undefined ? [] : [...choice.reasons, ...choice.needs.map((need) => `needs ${need}`)]),
  ];
}
