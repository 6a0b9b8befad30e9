export { webhookPage, type PageRequest, type WebhookPageOptions } from './webhook-page.js';
export type { PageResponse } from './layout.js';
export { webhookPageLink, type WebhookPageLinkOptions } from './link.js';
