import { createHash } from 'node:crypto';
import { html, Markup } from './html.js';

const style = `body{font:1rem/1.5 system-ui,sans-serif;margin:0 auto;max-width:70rem;padding:1rem;color:#111;background:#fff}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.4rem;border-bottom:1px solid #767676;overflow-wrap:anywhere;vertical-align:top}
a,button,select,input{font:inherit}:focus-visible{outline:3px solid #0b57d0;outline-offset:2px}
[role=status]{border:2px solid #146c2e;padding:.5rem}form{display:inline-block;margin:.25rem .5rem .25rem 0}pre{white-space:pre-wrap}`;

/** The text whose hash the policy has, to the byte: nothing formats it. */
const styleElement = new Markup(`<style>${style}</style>`);

const policy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

export interface PageResponse {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies?: readonly string[];
  readonly body: string;
}

export interface PageContent {
  readonly title: string;
  readonly main: Markup;
  /** What has just been done, for a screen reader as well. */
  readonly status?: string;
  readonly statusCode?: number;
  readonly head?: Markup;
  readonly cookies?: readonly string[];
}

const safe = {
  'content-security-policy': policy,
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'strict-transport-security': 'max-age=31536000',
};

/** A whole page, with what browsers are told to refuse. */
export function page({ title, main, status, statusCode = 200, head, cookies }: PageContent): PageResponse {
  const said = status === undefined ? undefined : html`<p role="status">${status}</p>`;
  const { text } = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        ${head}
        <title>${title}</title>
        ${styleElement}
      </head>
      <body>
        <header>
          <nav aria-label="Webhooks"><a href="/">All endpoints</a></nav>
        </header>
        <main>
          <h1>${title}</h1>
          ${said}${main}
        </main>
      </body>
    </html>`;
  return {
    statusCode,
    headers: { 'content-type': 'text/html; charset=utf-8', ...safe },
    ...(cookies && { cookies }),
    body: text,
  };
}

export function seeOther(location: string): PageResponse {
  return { statusCode: 303, headers: { location, ...safe }, body: '' };
}
