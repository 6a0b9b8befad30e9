import type { Construct } from 'constructs';
import type { IdleCost } from '../guarantees/guarantee-claims.js';
import { GuaranteeReport } from '../guarantees/guarantee-report.js';
import { violationsOf } from '../guarantees/inequality.js';
import { InvalidProps } from '../guarantees/invalid-props.js';
import { consumersOutlive } from '../outbox/outbox-inequalities.js';
import { targetNotes, type RelayTargetConfig } from '../outbox/relay-target.js';
import type { RelayOfOutbox } from './relay-environment.js';

export interface RelayReport {
  readonly outbox: RelayOfOutbox;
  readonly targets: readonly RelayTargetConfig[];
  readonly idle: readonly IdleCost[];
  /** What only this kind of relay has to say. */
  readonly notes: readonly string[];
}

/** Says what a relay claims, and holds its retention against the receipts of whoever consumes its channels. */
export function reportRelay(
  constructClass: string,
  relay: Construct,
  { outbox, targets, idle, notes }: RelayReport,
): void {
  const late = () => consumersOutlive({ path: relay.node.path, retention: outbox.retention }, targets);
  relay.node.addValidation({
    validate: () => {
      const broken = violationsOf(late());
      return broken.length === 0 ? [] : [new InvalidProps(constructClass, relay.node.path, broken).message];
    },
  });
  GuaranteeReport.record(constructClass, relay, {
    claim: {
      identity: 'id and version of each event, on every copy',
      way: 'the event in the transaction of its effects; at least once and in the order of its aggregate to each target: a consumer of this package drops the copies',
      brokenBy: [
        'a receiver that looks at neither',
        'a program that sends what is in the tables by other means',
      ],
    },
    idle,
    late,
    notes: [...targetNotes(targets), ...notes],
  });
}
