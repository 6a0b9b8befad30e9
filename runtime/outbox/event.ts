import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { ProducerVersion } from '../sqs/aggregate-consumer.js';

/**
 * An event as the outbox sends it: CloudEvents 1.0 in JSON, with extension attributes that say where it stands. Its
 * identity is `source` and `id`, its place is (`source`, `epoch`, `kind`, `aggregate`, `version`), and neither
 * changes however often it is sent.
 *
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
 */
export interface CloudEvent<Data> {
  readonly specversion: '1.0';
  /** `epoch/kind/aggregate/version`. */
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** The aggregate once more, where CloudEvents looks for it. */
  readonly subject: string;
  /** When it happened, ISO 8601. */
  readonly time: string;
  readonly datacontenttype: 'application/json';
  /** Incarnation of the source's counts: raised after a restore (R37). */
  readonly epoch: string;
  /** What kind of aggregate it is. Absent: the count is one of the first release, which knew no kinds. */
  readonly kind?: string;
  readonly aggregate: string;
  /**
   * Decimal digits, contiguous from 1 within (source, epoch, kind, aggregate). Text, because a JSON number would
   * round it (R3).
   */
  readonly version: string;
  /**
   * The version before it among those that are sent to this receiver, '0' for none. Absent: it is `version` - 1.
   * Nothing between the two is missing: it was of types that the receiver has not asked for (R53).
   */
  readonly previousversion?: string;
  /** When it was committed to the outbox, ISO 8601: horizons count from here (R8). */
  readonly firstenqueue: string;
  readonly data: Data;
}

const texts = [
  'id',
  'source',
  'type',
  'subject',
  'time',
  'epoch',
  'aggregate',
  'version',
  'firstenqueue',
] as const satisfies readonly (keyof CloudEvent<unknown>)[];

const optional = ['kind', 'previousversion'] as const satisfies readonly (keyof CloudEvent<unknown>)[];

/**
 * A schema of the whole event, for consumers: the envelope is checked here, `data` by the given schema. Validates
 * synchronously where that one does, as an aggregate's must.
 */
export function cloudEvent<Schema extends StandardSchemaV1>(
  data: Schema,
): StandardSchemaV1<unknown, CloudEvent<StandardSchemaV1.InferOutput<Schema>>> {
  type Output = CloudEvent<StandardSchemaV1.InferOutput<Schema>>;
  return {
    '~standard': {
      version: 1,
      vendor: 'exactly-once-aws',
      validate(given) {
        const event: Readonly<Record<string, unknown>> =
          Object(given) === given ? { ...(given as object) } : {};
        const issues = [
          ...(event.specversion === '1.0' ? [] : [{ message: "must be '1.0'", path: ['specversion'] }]),
          ...texts
            .filter((name) => typeof event[name] !== 'string' || event[name] === '')
            .map((name) => ({ message: 'must be text', path: [name] })),
          ...optional
            .filter((name) => event[name] !== undefined && typeof event[name] !== 'string')
            .map((name) => ({ message: 'must be text', path: [name] })),
          ...(['version', 'previousversion'] as const)
            .filter((name) => name === 'version' || event[name] !== undefined)
            .filter((name) => !/^[0-9]{1,40}$/.test(String(event[name])))
            .map((name) => ({ message: 'must be 1 to 40 decimal digits', path: [name] })),
        ];
        if (issues.length > 0) return { issues };
        const whole = (result: StandardSchemaV1.Result<unknown>): StandardSchemaV1.Result<Output> =>
          result.issues
            ? { issues: result.issues.map((issue) => ({ ...issue, path: ['data', ...(issue.path ?? [])] })) }
            : { value: { ...event, data: result.value } as unknown as Output };
        const result = data['~standard'].validate(event.data);
        return result instanceof Promise ? result.then(whole) : whole(result);
      },
    },
  };
}

/** Where the event stands among those of its aggregate: the `version` of `sqsAggregateConsumer`. */
export function producerVersion({
  source,
  epoch,
  kind,
  version,
  previousversion,
}: Pick<CloudEvent<unknown>, 'source' | 'epoch' | 'kind' | 'version' | 'previousversion'>): ProducerVersion {
  return {
    source,
    epoch,
    version,
    ...(kind !== undefined && { kind }),
    ...(previousversion !== undefined && { previous: previousversion }),
  };
}
