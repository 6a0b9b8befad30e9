import { sendableJson, type SendTarget } from '../../send/target.js';
import type { RelayedEvent } from '../envelope.js';

/** Where the relay sends events. Its name may never change while a stream is stuck at it. */
export interface RelayTarget extends SendTarget<RelayedEvent> {
  /** Event types that are sent here. @default - all */
  readonly types?: readonly string[];
}

/** An event as the body of a message. */
export function bodyOf({ event }: RelayedEvent): string {
  return sendableJson(event);
}
