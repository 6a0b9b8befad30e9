/**
 * Sending to a channel: one envelope for FIFO and Standard, batches of which every entry's answer is read, order per
 * group, large bodies in S3, and Standard where FIFO throttles.
 */
export {
  channelSender,
  type ChannelSender,
  type ChannelSenderOptions,
  type SendOptions,
  type SpilloverOptions,
} from './sender.js';
export { channelSettings, type ChannelSettings } from './settings.js';
export type { ClaimCheckOptions } from './claim-check.js';
export { sentKey } from './envelope.js';
export { InvalidMessages, MessagesNotSent, type Unsent } from './errors.js';
export type { OutgoingMessage } from './message.js';
export type { TraceFields } from '../send/trace-fields.js';
export { logSend, sendMetrics, type SendSummary } from './summary.js';
export { firstEnqueueAttribute } from '../consumer/first-enqueue.js';
export { keyAttribute } from '../sqs/message-attributes.js';
export { NotAccepted, type RefusalKind } from '../send/errors.js';
