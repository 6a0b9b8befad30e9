import { createHash } from 'node:crypto';

/**
 * A number in [0, 1) that depends on the seed and on what it is drawn for, and on nothing else.
 *
 * A generator that is asked in turn would give each request another number whenever two concurrent requests change
 * places; this way a seed means the same faults in every run.
 */
export function draw(seed: number, ...purpose: readonly (string | number)[]): number {
  const digest = createHash('sha256')
    .update(JSON.stringify([seed, ...purpose]))
    .digest();
  return digest.readUIntBE(0, 6) / 2 ** 48;
}
