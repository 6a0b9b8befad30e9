import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SQSMessageAttributes, SQSRecord } from 'aws-lambda';
import type { Recognised } from '../consumer/arrival.js';
import type { KeySource } from '../consumer/message.js';
import type { ConsumerSettings } from '../consumer/settings.js';
import type { Way as ConsumerWay, WayOutcome } from '../consumer/way.js';
import { CommitFailed, faultOf, ParkedFailed, ParkedWaiting, TooEarly } from '../dedup/errors.js';
import type { Limits } from '../dedup/limits.js';
import type { Outcome } from '../dedup/outcome.js';
import type { FailedParked, Position, Positions, Way } from '../dedup/way.js';
import type { AggregateUnit } from '../dynamodb/aggregate-way.js';
import { logLine } from '../telemetry/log-line.js';

/**
 * The way as today's engine calls it: a parked event that fails is the error of a message that carries it. It goes when the engine speaks
 * the port of dedup/way.
 */
export function asConsumerWay<Body, Source>(
  way: Way<Recognised<Body>, AggregateUnit<Source>> & { readonly positions: Positions<Recognised<Body>> },
): ConsumerWay<Body, AggregateUnit<Source>> {
  const { positions } = way;
  return {
    prepare: (recognised, lane) => {
      const limits = () => {
        throw new Error('a reducer has no limits of its own');
      };
      return way.prepare(recognised, { lane, ahead: false, limits });
    },
    async commit(units, limits) {
      const { outcomes, failedParked = [] } = await way.commit(units, limits);
      const failed = new Map(failedParked.map((one) => [idOf(one.position), one]));
      const answers = new Map<AggregateUnit<Source>, WayOutcome>();
      for (const [unit, outcome] of outcomes) {
        const answer = wayOutcome(outcome, (version) =>
          failed.get(
            idOf({ stream: JSON.stringify([unit.address.id, unit.stream]), sequence: String(version) }),
          ),
        );
        if (answer !== undefined) answers.set(unit, answer);
      }
      return answers;
    },
    positions: {
      of: (recognised) => positions.of(recognised),
      restore,
      async passOver(recognised, how, limits, version) {
        const own = positions.of(recognised);
        const position = { ...own, sequence: version?.toString() ?? own.sequence };
        const { stands, failedParked = [] } = await positions.passOver(position, how, limits);
        const [stuck] = failedParked;
        return { stands, stuck: stuck && parkedFailed(stuck, 'duplicate') };
      },
    },
  };
}

function wayOutcome(
  outcome: Outcome,
  failedAt: (version: bigint) => FailedParked | undefined,
): WayOutcome | undefined {
  if (outcome.kind === 'rejected') return outcome;
  if (outcome.kind === 'stale' || outcome.kind === 'ignored') return { kind: 'duplicate' };
  if (outcome.kind !== 'retry') return { kind: outcome.kind };
  const { error } = outcome;
  if (error === undefined) return undefined;
  const failed = error instanceof ParkedWaiting ? failedAt(error.version) : undefined;
  if (failed !== undefined && error instanceof ParkedWaiting)
    return { kind: 'failed', error: parkedFailed(failed, error.became) };
  const isKnown = faultOf(error) !== 'dependency' || error instanceof TooEarly;
  if (isKnown || error instanceof CommitFailed) return { kind: 'failed', error };
  return { kind: 'failed', error: new CommitFailed((error as Error).message, { cause: error }) };
}

function parkedFailed({ position, carried, error }: FailedParked, became: ParkedFailed['carrier']) {
  const [, stream] = JSON.parse(position.stream) as [string, string];
  return new ParkedFailed(stream, BigInt(position.sequence), carried, error, became);
}

function idOf({ stream, sequence }: Position): string {
  return `${sequence} ${stream}`;
}

/** A message like the one that was parked: its body has the same values, and its message id is made up. */
export function restore({ carried, version }: ParkedFailed, carrier: SQSRecord): SQSRecord {
  const { body, attributes, group } = JSON.parse(carried) as KeySource<unknown>;
  const messageAttributes: SQSMessageAttributes = {};
  for (const [name, stringValue] of Object.entries(attributes))
    messageAttributes[name] = { dataType: 'String', stringValue };
  return {
    ...carrier,
    messageId: `${carrier.messageId}@${version}`,
    body: JSON.stringify(body),
    messageAttributes,
    attributes: { ...carrier.attributes, ...(group !== undefined && { MessageGroupId: group }) },
  };
}

/** Takes a stream off the list of those that stand still. Where that fails it stays listed, and a resume of it finds nothing to do. */
export function wentOn(
  client: DynamoDBClient,
  { dedupTable, consumerName }: ConsumerSettings,
): ((stream: string, limits: Limits) => Promise<void>) | undefined {
  if (dedupTable === undefined) return undefined;
  return async (stream, { meter }) => {
    try {
      const { GroupStore, groupStreamOf } = await import('../consumer/trouble.js');
      const groups = new GroupStore(client, dedupTable, consumerName);
      const row = await groups.read(groupStreamOf(stream), meter);
      if (row?.state === 'stopped') await groups.open(row, meter);
    } catch (error) {
      logLine({
        exactlyOnce: 'still listed as stopped',
        error: error instanceof Error ? error.name : typeof error,
      });
    }
  };
}
