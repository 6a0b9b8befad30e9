import type { World } from '../paths/path.js';
import type { LiveWebhooks } from './live-state.js';
import { startPageProcess } from './page-process.js';
import { startSubscribers } from './subscribers.js';
import { makeWebhookTables, webhookTables } from './webhook-tables.js';

export interface Webhooks {
  /** Messages as a function got them, those that came again included. */
  give(records: readonly unknown[]): void;
  state(): LiveWebhooks;
}

/** A target of one's own gets no tables that the stack does not have. */
export const webhooksNeedEmbedded = 'webhooks are shown on the embedded target alone';

/**
 * Tells three endpoints on this machine of the payments of a run, with the product's sender in a process of its own.
 * It is no part of the audit: what goes wrong here changes no verdict.
 *
 * @param homeUrl where its page leads back to
 */
export async function startWebhooks(
  { target, dynamo, undo }: World,
  homeUrl: string,
  log: (line: string) => void,
): Promise<Webhooks> {
  const { endpoint, client } = target;
  await makeWebhookTables(dynamo);
  const subscribers = await startSubscribers();
  undo('stop the endpoints of webhooks', () => subscribers.stop());
  const { accessKeyId, secretAccessKey } = client.credentials as {
    accessKeyId: string;
    secretAccessKey: string;
  };
  const intake = { taken: 0, suppressed: 0 };
  let link: string | undefined;
  const page = startPageProcess(
    {
      ...{
        AWS_REGION: client.region,
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_ENDPOINT_URL: endpoint ?? '',
      },
      ...{ AWS_SECRET_ACCESS_KEY: secretAccessKey, HOME_URL: homeUrl, ...webhookTables },
      WEBHOOK_ENDPOINTS: JSON.stringify(subscribers.endpoints),
    },
    (said) => {
      link ??= said.link;
      intake.taken += said.taken ?? 0;
      intake.suppressed += said.suppressed ?? 0;
    },
    (complaint) => log(`the sender of webhooks ended: ${complaint}`),
  );
  undo('stop the sender of webhooks', () => page.stop());
  return {
    give: (records) => page.give(records),
    state: () => ({ ...intake, link, endpoints: subscribers.figures() }),
  };
}
