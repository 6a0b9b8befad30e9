import { createHash } from 'node:crypto';
import { style as reportStyle } from '../html/style.js';
import type { LiveState } from './live-state.js';
import { slotsOf } from './live-view.js';

const style = `${reportStyle}
nav a{margin-right:1rem}a{color:var(--plain)}:focus-visible{outline:3px solid var(--plain);outline-offset:2px}
progress{display:block;width:100%;height:.9rem;accent-color:var(--plain)}#paths p{margin:.6rem 0}
#phase{font-weight:600;font-size:1.1rem}.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:0 2.5rem}
#lines{padding-left:1.2rem}#lines li{overflow-wrap:anywhere;white-space:pre-wrap}.soft{font-size:.9rem;font-weight:400}
`;

/** Puts what the server sends where it belongs. It leaves alone what has not changed, and so the reader's focus. */
export const liveScript = `'use strict';
const parsed = document.createElement('template');
new EventSource('/events').onmessage = ({ data }) => {
  for (const [id, markup] of Object.entries(JSON.parse(data))) {
    const slot = document.getElementById(id);
    parsed.innerHTML = markup;
    if (slot.innerHTML !== parsed.innerHTML) slot.innerHTML = markup;
  }
};
`;

export const livePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "connect-src 'self'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "form-action 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

/** The run as a page that is right also without its script: then it is loaded again by hand. */
export function livePage(state: LiveState): string {
  const slots = slotsOf(state);
  const slot = (id: string, tag = 'div', more = '') =>
    `<${tag} id="${id}"${more}>${slots[id] ?? ''}</${tag}>`;
  const scrolled = (id: string, label: string) =>
    `<div class="scroll" role="region" aria-labelledby="${label}" tabindex="0">${slot(id)}</div>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>The run, live</title>
<style>${style}</style>
<script src="/live.js" defer></script>
</head>
<body>
<main>
<h1>The run, live</h1>
${slot('phase', 'p', ' role="status"')}
<nav aria-label="Pages of the run">${slot('webhooks-link', 'span')}${slot('report-link', 'span')}</nav>
<noscript><p><a href="/">Load the present figures</a></p></noscript>
<div class="columns">
<section aria-labelledby="h-paths"><h2 id="h-paths">Paths</h2>${slot('paths')}</section>
<section><h2 id="h-figures">Figures</h2>${scrolled('figures', 'h-figures')}</section>
<section><h2 id="h-endpoints">Webhooks</h2>${scrolled('endpoints', 'h-endpoints')}</section>
<section aria-labelledby="h-lines"><h2 id="h-lines">What the run says</h2>${slot('lines', 'ul')}</section>
</div>
</main>
</body>
</html>
`;
}
