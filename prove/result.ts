import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { packageRoot } from '../targets/package-root.js';
import { hashOfCovered } from './covered-code.js';
import { proofs, type Proof } from './proofs.js';

/** What a full run came to, as it is committed under `prove/results/`. */
export interface ProofResult {
  readonly name: string;
  readonly shows: string;
  /** ISO 8601. */
  readonly date: string;
  /** Commit on which it ran; with `+` when files were changed and not committed. */
  readonly commit: string;
  /** See `hashOfCovered`: a proof is stale when the code has another one. */
  readonly covered: string;
  readonly machine: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Those of `Proof` that were run. */
  readonly parts?: readonly Readonly<Record<string, string>>[];
  /** Those that were not, or failed: the run was ended before, and the next one goes on with them. */
  readonly left?: readonly Readonly<Record<string, string>>[];
  readonly seconds: number;
  readonly passed: number;
  readonly failed: number;
  /** Tests that failed in earlier runs of the same code, in parts that were run again since. @default - none */
  readonly failedBefore?: number;
  /**
   * Tests that did not run, by name: what they need is not here, or what they ask does not apply. Of them the proof
   * says nothing. @default - none
   */
  readonly skipped?: readonly string[];
  /** What the tests counted: seeds, cases, hits per crash point. */
  readonly figures: readonly unknown[];
}

export function resultFile({ name }: Pick<Proof, 'name'>): string {
  return join(packageRoot, 'prove', 'results', `${name}.json`);
}

/** Every proof that says nothing about the code as it is, with the reason. */
export function staleProofs(): { readonly name: string; readonly reason: string }[] {
  return proofs.flatMap((proof) => {
    const reason = staleness(proof);
    return reason === undefined ? [] : [{ name: proof.name, reason }];
  });
}

/** The last result of a proof, also of other code. */
export function readResult(proof: Pick<Proof, 'name'>): ProofResult | undefined {
  const file = resultFile(proof);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as ProofResult) : undefined;
}

/** What an earlier run of the same code left to be run; undefined when there is none to go on with. */
export function unfinished(proof: Proof): ProofResult | undefined {
  const found = readResult(proof);
  if (found === undefined || found.covered !== hashOfCovered(proof)) return undefined;
  const left = partsLeft(proof, found);
  return left.length > 0 ? { ...found, left } : undefined;
}

/** Parts that were not run, or failed, or that the proof has been given since. */
export function partsLeft(
  { parts = [] }: Pick<Proof, 'parts'>,
  { parts: done = [] }: Pick<ProofResult, 'parts'>,
): NonNullable<ProofResult['left']> {
  return parts.filter((part) => !done.some((one) => isDeepStrictEqual(one, part)));
}

function staleness(proof: Proof): string | undefined {
  const result = readResult(proof);
  if (result === undefined) return 'has never been run';
  const { failed, covered, date, commit, parts = [] } = result;
  const left = partsLeft(proof, result);
  if (failed > 0) return `failed on ${date}`;
  if (covered !== hashOfCovered(proof))
    return `is older than the code it covers: it ran on ${date} (${commit})`;
  if (left.length > 0) return `was ended after ${parts.length} of ${parts.length + left.length} parts`;
  return undefined;
}
