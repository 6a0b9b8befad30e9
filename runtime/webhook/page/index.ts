export { webhookPage, type PageRequest, type WebhookPageOptions } from './webhook-page.js';
export type { PageHome, PageResponse } from './layout.js';
export { webhookPageLink, type WebhookPageLinkOptions } from './link.js';
