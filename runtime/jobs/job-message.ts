import { RejectMessage, UnserialisableValue } from '../dedup/errors.js';
import { exactJsonText } from '../dedup/exact-json.js';
import { emptiedProblem, isEmptiedByJson } from '../dedup/json-data.js';
import { escaped } from '../sqs/dead-letter.js';

/** The job cannot be enqueued as asked. */
export class InvalidJob extends RejectMessage {
  override name = 'InvalidJob';
  constructor(
    readonly jobId: string,
    problem: string,
  ) {
    super(`the job cannot be enqueued: ${problem}`);
  }
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html */
const maxMessageBytes = 1024 * 1024;
/** https://docs.aws.amazon.com/scheduler/latest/UserGuide/scheduler-quotas.html */
const maxScheduleBytes = 256 * 1024;

/** The body of a job's message. @throws InvalidJob for what SQS, or a schedule, does not take. */
export function bodyOf(jobId: string, envelope: object, scheduled: boolean): string {
  assertPlain(envelope, '$');
  const body = escaped(exactJsonText(envelope));
  const bytes = Buffer.byteLength(body);
  const most = scheduled ? maxScheduleBytes : maxMessageBytes;
  if (bytes > most)
    throw new InvalidJob(
      jobId,
      `with its id it has ${bytes} bytes of JSON, ${scheduled ? 'a schedule' : 'SQS'} takes ${most}; store the payload elsewhere and enqueue its address`,
    );
  return body;
}

/** JSON makes an object of numbers of bytes, and an empty one of what it does not know, and says nothing. */
function assertPlain(value: unknown, path: string): void {
  if (typeof value !== 'object' || value === null) return;
  if (ArrayBuffer.isView(value))
    throw new UnserialisableValue(path, 'it is bytes; give text, such as their base64');
  if (isEmptiedByJson(value)) throw new UnserialisableValue(path, emptiedProblem(value));
  for (const [name, member] of Object.entries(value)) assertPlain(member, `${path}.${name}`);
}
