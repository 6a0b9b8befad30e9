import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Delivery } from './delivery.js';

export interface SignedExample {
  readonly event: string;
  readonly body: string;
  readonly signature: string;
}

/** Every payload example of GitHub, signed by GitHub's own package. */
export function githubExamples(secret: string): SignedExample[] {
  const script = join(__dirname, 'sign-github-examples.mjs');
  const told = execFileSync(process.execPath, [script, secret], { maxBuffer: 64 * 1024 * 1024 });
  return JSON.parse(told.toString()) as SignedExample[];
}

/** A delivery of it under an id of its own, as when a person asks GitHub for it again. */
export function deliveryOf({ event, body, signature }: SignedExample): Delivery {
  return {
    headers: {
      'X-GitHub-Event': event,
      'X-GitHub-Delivery': randomUUID(),
      'X-Hub-Signature-256': signature,
    },
    body,
  };
}
