import type { ReceivedEvent, WebhookSource } from './options.js';

/** What is published of an event: its stream is that of the entity it is about, or else its own. */
export interface PublishedBy {
  readonly kind: string;
  readonly name: string;
  readonly type: string;
  readonly data: unknown;
  readonly group: string;
}

export function publishedBy(source: WebhookSource, event: ReceivedEvent): PublishedBy {
  const entity = source.entity?.(event) ?? event.id;
  return {
    kind: `webhook.${event.source}`,
    name: entity,
    type: event.type === '' ? event.source : `${event.source}.${event.type}`,
    data: event.data,
    group: entity,
  };
}
