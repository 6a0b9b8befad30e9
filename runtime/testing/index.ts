import { warnOfOldNode } from '../telemetry/node-version.js';

export { sentAgain, receivedAgain, sqsRecord, type RecordShape } from './records.js';
export { deliver, deliverTwice, reorder, TestingError, type DeliverOptions } from './deliver.js';
export { crashAt } from './crash-at.js';
export { crashPoints, type CrashPoint } from '../dedup/crash-points.js';
export { checkNaturallyIdempotent, type NaturalSubject } from './natural.js';

warnOfOldNode();
