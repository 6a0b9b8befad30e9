import { outboxRelay, relaySettings } from '../../runtime/outbox/index.js';

/**
 * Sends what transactions have published: called by the outbox's stream, and by a schedule for what the stream did
 * not bring.
 */
export const handler = outboxRelay(relaySettings(process.env));
