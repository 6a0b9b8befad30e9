import { Duration } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { atLeast, type Inequality } from '../guarantees/inequality.js';
import { answersBeforeTheGateway } from '../api/gateway-rules.js';
import type { Violation } from '../guarantees/invalid-props.js';
import { storeViolations } from '../guarantees/one-store.js';
import { nameIsItsOwn } from '../guarantees/own-name.js';
import { environmentViolations } from '../guarantees/reserved-environment.js';
import { nameViolations } from '../guarantees/stable-name.js';
import type { WebhookReceiverProps } from './webhook-receiver-props.js';

const namePattern = /^[A-Za-z0-9_.-]{1,64}$/;
const longestWindow = Duration.days(90);

export interface ReceiverValues {
  readonly receiverName: string;
  readonly window: Duration;
  readonly timeout: Duration;
  /** Undefined where the receipts are in Postgres. */
  readonly table: IConstruct | undefined;
  /** Another construct that has the name on the table. */
  readonly namesake: IConstruct | undefined;
}

export function receiverInequalities(values: ReceiverValues): Inequality[] {
  const { receiverName, window, timeout, table, namesake } = values;
  return [
    atLeast(
      {
        id: 'webhook-window-is-bounded',
        prevents: 'receipts pile up',
        change: 'lower `window`; what must be known for longer is in your own rows',
      },
      { name: 'longest window', value: longestWindow },
      { name: 'window', value: window },
    ),
    atLeast(
      {
        id: 'webhook-window-covers-senders',
        prevents: 'a sender sends again after its event is forgotten, and it acts again (doubled)',
        change: 'raise `window`; the handler knows how long each of its senders goes on',
      },
      { name: 'window', value: window },
      { name: 'shortest time that a sender goes on', value: Duration.days(1) },
    ),
    answersBeforeTheGateway(
      timeout,
      'API Gateway answers 504 for a delivery that goes on and commits, and it comes again',
    ),
    table &&
      nameIsItsOwn(
        {
          id: 'receiver-name-unique',
          prevents: 'one of the two takes the receipts of the other for its own (lost)',
          change: 'give each receiver, API and consumer its own name, or its own `dedupTable`',
        },
        { prop: 'receiverName', name: receiverName },
        table,
        namesake,
      ),
  ].filter((inequality) => inequality !== undefined);
}

/** What is wrong with the props by themselves. */
export function receiverViolations(props: WebhookReceiverProps): Violation[] {
  const { receiverName, senders, environment = {} } = props;
  const violations = [
    ...nameViolations(
      'receiver-name-stable',
      'receiverName',
      receiverName,
      'events are found by it for as long as they are known',
    ),
    ...environmentViolations(environment),
    ...storeViolations(props),
  ];
  if (senders.length === 0)
    violations.push({
      id: 'senders-given',
      given: '`senders` is empty',
      allowed: 'one or more',
      change: 'give `senders`, with the names that the handler has in `sources`',
    });
  const names = senders.map(({ name }) => name);
  for (const [i, name] of names.entries()) {
    if (!namePattern.test(name))
      violations.push({
        id: 'sender-name',
        given: `a sender is called '${name}'`,
        allowed: '1 to 64 of A-Z a-z 0-9 _ . -: it is the last part of an address',
        change: 'change its `name`',
      });
    if (names.indexOf(name) !== i)
      violations.push({
        id: 'sender-name',
        given: `two senders are called '${name}'`,
        allowed: 'one of each name: events of one name are of one sender',
        change: 'give each its own `name`; two secrets of one sender go into one list',
      });
  }
  return violations;
}
