import { createHash } from 'node:crypto';
import { html, Markup } from './html.js';

const style = `:root{color-scheme:light dark;--ink:#1b1f24;--ground:#fff;--soft:#56606c;--line:#c9d0d8;--accent:#0b57d0;--good:#146c2e}
@media (prefers-color-scheme:dark){:root{--ink:#e8ebef;--ground:#14171b;--soft:#a7b0bb;--line:#3a424c;--accent:#8ab4f0;--good:#5cc98d}}
body{font:1rem/1.5 system-ui,sans-serif;margin:0 auto;max-width:70rem;padding:1rem;color:var(--ink);background:var(--ground)}
h1{font-size:1.5rem;overflow-wrap:anywhere}h2{font-size:1.15rem;margin-top:2rem}p{overflow-wrap:anywhere}a{color:var(--accent)}
nav a{margin-right:1rem}.soft{color:var(--soft)}.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;min-width:36rem}caption{text-align:left;color:var(--soft);padding:.3rem 0}
th,td{text-align:left;padding:.4rem .8rem .4rem 0;border-bottom:1px solid var(--line);vertical-align:top;font-variant-numeric:tabular-nums}
tbody th{font-weight:400}th.id{min-width:11rem;overflow-wrap:anywhere}
a,button,select,input{font:inherit}button,select,input{padding:.3rem .7rem;border:1px solid var(--soft);border-radius:.3rem;color:var(--ink);background:var(--ground)}button{cursor:pointer}
:focus-visible,input:focus-within{outline:3px solid var(--accent);outline-offset:2px}
[role=status]{border:2px solid var(--good);border-radius:.3rem;padding:.5rem}form{display:inline-block;margin:.25rem .5rem .25rem 0}pre{white-space:pre-wrap;margin:0}`;

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

/** A link to what the page belongs to, such as your application. */
export interface PageHome {
  readonly text: string;
  /** An address of yours: it is not checked. */
  readonly url: string;
}

export interface PageContent {
  readonly title: string;
  readonly main: Markup;
  /** What has just been done, for a screen reader as well. */
  readonly status?: string;
  readonly statusCode?: number;
  readonly head?: Markup;
  /** Where the reader came from. */
  readonly home?: PageHome;
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
export function page({
  title,
  main,
  status,
  statusCode = 200,
  head,
  home,
  cookies,
}: PageContent): PageResponse {
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
          <nav aria-label="Webhooks">
            ${home && html`<a href="${home.url}">${home.text}</a>`}<a href="/">All endpoints</a>
          </nav>
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
