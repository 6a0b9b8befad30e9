import { randomUUID } from 'node:crypto';
import type { Endpoint } from './endpoint.js';
import { bodyOf } from './fan-out.js';
import { deliveryKey, eventKey, rowVersion, type Delivery, type RowKey } from './rows.js';

/** An event of type `webhook.test`, and its delivery to one endpoint, which is held until it is put up. */
export function testRows(
  { tenant, endpointId }: Endpoint,
  nowMs: number,
  retentionSeconds: number,
): { readonly event: RowKey & Readonly<Record<string, unknown>>; readonly delivery: Delivery } {
  const time = new Date(nowMs).toISOString();
  const webhookId = `evt_test_${randomUUID()}`;
  const type = 'webhook.test';
  const common = {
    ...{ v: rowVersion, tenant, webhookId, type, time },
    expiration: Math.floor(nowMs / 1000) + retentionSeconds,
  };
  const body = bodyOf({ webhookId, tenant, type, time, data: { endpointId } });
  const key = deliveryKey(tenant, endpointId, time, webhookId);
  return {
    event: { ...eventKey(tenant, webhookId), ...common, body },
    delivery: {
      ...{ ...key, ...common, endpointId },
      ...{ attempts: 0, sends: 0, replays: 0, dueAt: nowMs, state: 'held' },
    },
  };
}
