/**
 * Prints every payload example of GitHub, signed by GitHub's own package, as JSON: `[{ event, body, signature }]`. A
 * process of its own, because that package is an ES module and jest's are not.
 */
import { createRequire } from 'node:module';
import { Webhooks } from '@octokit/webhooks';

const examples = createRequire(import.meta.url)('@octokit/webhooks-examples/api.github.com/index.json');
const webhooks = new Webhooks({ secret: process.argv[2] });
const signed = [];
for (const { name, examples: payloads } of examples)
  for (const payload of payloads) {
    const body = JSON.stringify(payload);
    signed.push({ event: name, body, signature: await webhooks.sign(body) });
  }
process.stdout.write(JSON.stringify(signed));
