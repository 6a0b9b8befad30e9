import type { Duration } from 'aws-cdk-lib';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { CommitWay } from '../consumer/commit-way.js';
import type { ConsumerAlarms } from '../consumer/consumer-alarms.js';
import { IdempotentConsumer } from '../consumer/idempotent-consumer.js';
import { isKnown } from '../guarantees/inequality.js';
import { InvalidProps, type Violation } from '../guarantees/invalid-props.js';
import type { PostgresConsumerProps } from './postgres-consumer-props.js';

/**
 * A function that processes the messages of a channel, each of them once per key, with its effects in Postgres.
 *
 * Guaranteed, while its entry is made by `postgresConsumer`: what a handler writes through its transaction and the
 * receipt of its message are committed together or not at all. Not covered: effects outside the transaction, copies
 * after the horizon, and a failover to a standby that lacks a commit.
 *
 * Defaults imposed: those of IdempotentConsumer (partial batch responses, the inequalities of docs/guarantees.md, a
 * dead-letter queue by the channel), alarms, a way to the database where one is named, and the environment variables
 * EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS, EXACTLY_ONCE_DATABASE_CONNECTIONS and EXACTLY_ONCE_DATABASE_SECRET beside
 * those of IdempotentConsumer. Not made: the tables (`postgres migrate`), and what prunes them (`postgres prune`).
 *
 * @throws InvalidProps
 */
export class PostgresConsumer extends Construct {
  /** The consumer: its mapping, its name, its inequalities. */
  public readonly consumer: IdempotentConsumer;
  /** The function that processes. */
  public readonly function: LambdaFunction;
  /** What goes off when groups stop, messages are given up or come again and again. Give them actions. */
  public readonly alarms: ConsumerAlarms;
  /** How long receipts are kept. */
  public readonly receiptRetention: Duration;

  constructor(scope: Construct, id: string, props: PostgresConsumerProps) {
    super(scope, id);
    const { secret, database, proxy, databaseUser, alarms, ...rest } = props;
    const { connectionsPerInstance = props.batchSize ?? 10, ...consumer } = rest;
    const violations = connectionViolations(props, connectionsPerInstance);
    if (violations.length > 0) throw new InvalidProps('PostgresConsumer', this.node.path, violations);
    this.consumer = new IdempotentConsumer(this, 'Consumer', { ...consumer, commitWay: CommitWay.POSTGRES });
    const { ownFunction, receiptRetention } = this.consumer;
    // It is built from `entry`.
    this.function = ownFunction as LambdaFunction;
    this.receiptRetention = receiptRetention;
    this.function.addEnvironment('EXACTLY_ONCE_DATABASE_CONNECTIONS', String(connectionsPerInstance));
    if (secret !== undefined) {
      this.function.addEnvironment('EXACTLY_ONCE_DATABASE_SECRET', secret.secretArn);
      secret.grantRead(this.function);
    }
    proxy?.grantConnect(this.function, databaseUser);
    database?.connections.allowDefaultPortFrom(this.function, `Consumer ${props.consumerName}`);
    this.alarms = this.consumer.addAlarms(alarms);
  }
}

function connectionViolations(props: PostgresConsumerProps, perInstance: number): Violation[] {
  const { database, vpc, proxy, databaseUser, maxConnections, maxConcurrency } = props;
  const violations: Violation[] = [];
  if (!isKnown(perInstance) || !Number.isInteger(perInstance) || perInstance < 1)
    violations.push({
      id: 'connections-countable',
      given: `connectionsPerInstance is ${perInstance}`,
      allowed: 'a whole number from 1, known at synth',
      change: 'change `connectionsPerInstance`',
    });
  else if (
    maxConnections !== undefined &&
    [maxConnections, maxConcurrency].every(isKnown) &&
    maxConcurrency * perInstance > maxConnections
  )
    violations.push({
      id: 'connections-suffice',
      given: `maxConcurrency ${maxConcurrency} x connectionsPerInstance ${perInstance} is ${maxConcurrency * perInstance} connections`,
      allowed: `at most maxConnections, ${maxConnections}: instances that get none hand their batches back`,
      change: 'lower `maxConcurrency` or `connectionsPerInstance`, or put a proxy before the database',
    });
  if (database !== undefined && vpc === undefined)
    violations.push({
      id: 'database-is-in-a-network',
      given: '`database` is given without `vpc`',
      allowed: 'both: only a function in a network has a security group that can be let in',
      change: 'give `vpc`, or remove `database`',
    });
  if (databaseUser !== undefined && proxy === undefined)
    violations.push({
      id: 'user-is-of-a-proxy',
      given: '`databaseUser` is given without `proxy`',
      allowed: 'both',
      change: 'give `proxy`, or remove `databaseUser`',
    });
  return violations;
}
