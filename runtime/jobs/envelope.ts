import type { StandardSchemaV1 } from '@standard-schema/spec';

/** The body of a job's message. */
export interface JobEnvelope<Payload> {
  readonly jobId: string;
  readonly payload: Payload;
  /** The payload as it was enqueued. */
  readonly enqueued: unknown;
}

/** A schema of the whole body out of one of the payload. */
export function jobEnvelope<Schema extends StandardSchemaV1>(
  payloadSchema: Schema,
): StandardSchemaV1<unknown, JobEnvelope<StandardSchemaV1.InferOutput<Schema>>> {
  type Envelope = JobEnvelope<StandardSchemaV1.InferOutput<Schema>>;
  const validate = async (body: unknown): Promise<StandardSchemaV1.Result<Envelope>> => {
    const { jobId, payload } = (typeof body === 'object' && body !== null ? body : {}) as Record<
      string,
      unknown
    >;
    if (typeof jobId !== 'string')
      return { issues: [{ message: 'must be a string: send jobs with JobQueueClient', path: ['jobId'] }] };
    const result = await payloadSchema['~standard'].validate(payload);
    if (result.issues)
      return {
        issues: result.issues.map(({ message, path = [] }) => ({ message, path: ['payload', ...path] })),
      };
    return { value: { jobId, payload: result.value, enqueued: payload } };
  };
  return { '~standard': { version: 1, vendor: 'exactly-once-aws', validate } };
}
