import { ignore, RejectMessage } from '../../dedup/errors.js';
import { decoded, type Decode } from '../../consumer/decode/decode.js';
import { asObject, objectWith } from './envelope.js';

/** What S3 says of one object: the body that {@link s3Notification} makes. */
export interface S3ObjectEvent {
  /** Such as `ObjectCreated:Put`. */
  readonly eventName: string;
  readonly bucket: string;
  /** The object's key as it is, no longer URL-encoded. */
  readonly key: string;
  /**
   * Hexadecimal digits that grow with each event of one key. The key of a message: `${bucket}/${key}/${sequencer}`
   * and, as one write may make two events, `eventName`. Absent for events that are no creation or deletion.
   */
  readonly sequencer?: string;
  /** Bytes. */
  readonly size?: number;
  readonly eTag?: string;
  /** In versioned buckets. */
  readonly versionId?: string;
}

/**
 * Takes the event out of a notification of S3: what happened to which object, as {@link S3ObjectEvent}. Copies of it
 * agree, because time and request ids are left out. The test event that S3 sends when notifications are set up is
 * ignored.
 *
 * A message of several records is rejected: it would be several messages of one identity. S3 itself sends one record
 * in each. A body that is no notification is given on as it is.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 */
export function s3Notification(): Decode {
  return (text) => {
    const body = objectWith(text, '"s3:TestEvent"', '"aws:s3"');
    if (body?.Event === 's3:TestEvent') return ignore('it is the test event of S3');
    const { Records } = body ?? {};
    if (!Array.isArray(Records)) return text;
    const records = Records.map(asObject);
    const [record] = records;
    if (record?.eventSource !== 'aws:s3') return text;
    if (records.length > 1)
      throw new RejectMessage(
        `the notification has ${records.length} records, and one is allowed; send each as a message of its own`,
      );
    return decoded({ json: eventOf(record) });
  };
}

function eventOf({ eventName, s3 }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { bucket, object } = asObject(s3) ?? {};
  const { key, sequencer, size, eTag, versionId } = asObject(object) ?? {};
  const given = {
    eventName,
    bucket: asObject(bucket)?.name,
    key: plainKey(key),
    sequencer,
    size,
    eTag,
    versionId,
  };
  // What S3 does not say is not there, so that a schema may call it optional.
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** S3 writes keys as in a form: blanks as `+`. */
function plainKey(key: unknown): unknown {
  if (typeof key !== 'string') return key;
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    throw new RejectMessage('the key of the object is not URL-encoded');
  }
}
