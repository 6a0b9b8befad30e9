export {
  decoded,
  Decoded,
  type Content,
  type Decode,
  type DecodeContext,
  type DecodeResult,
} from '../../consumer/decode/decode.js';
export { snsEnvelope } from './sns.js';
export { eventBridgeEnvelope, type EventBridgeEnvelopeOptions } from './event-bridge.js';
export { s3Notification, type S3ObjectEvent } from './s3-notification.js';
export { base64 } from './base64.js';
export { gunzip, type GunzipOptions } from './gunzip.js';
export { s3Payload, type S3PayloadOptions } from './s3-payload.js';
export { TooLargeToDecode } from './too-large.js';
