import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { arch, cpus, platform, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../targets/package-root.js';
import { hashOfCovered } from './covered-code.js';
import type { Proof } from './proofs.js';
import type { ProofResult } from './result.js';

/**
 * Runs a proof with its full budget; what its tests print goes to this process's output.
 *
 * @param before a run of the same code that was ended: its parts are not run again, but for those that failed
 * @param save called with the result so far whenever a part has ended, and at the end
 */
export async function runProof(
  proof: Proof,
  before: ProofResult | undefined,
  save: (result: ProofResult) => Promise<void>,
): Promise<ProofResult> {
  const folder = await mkdtemp(join(tmpdir(), 'exactly-once-proof-'));
  const began = new Date();
  const covered = hashOfCovered(proof);
  const commit = commitNow();
  try {
    const waiting = [...(before?.left ?? proof.parts ?? [{}]).entries()];
    const left = new Map(waiting);
    // A part that has failed is run again, and the result says so: what failed once is not forgotten.
    const ended: Pick<PartResult, 'passed' | 'skipped' | 'figures'>[] = before === undefined ? [] : [before];
    const failedBefore = (before?.failedBefore ?? 0) + (before?.failed ?? 0);
    let failed = 0;
    const parts = [...(before?.parts ?? [])];
    const skipped = () => [...new Set(ended.flatMap((part) => part.skipped ?? []))];
    const soFar = (): ProofResult => ({
      name: proof.name,
      shows: proof.shows,
      date: began.toISOString(),
      commit,
      covered,
      machine: machine(),
      environment: proof.environment,
      ...(proof.parts !== undefined && { parts }),
      ...(left.size > 0 && { left: [...left.values()] }),
      seconds: (before?.seconds ?? 0) + Math.round((Date.now() - began.getTime()) / 1000),
      passed: ended.reduce((sum, { passed }) => sum + passed, 0),
      failed,
      ...(failedBefore > 0 && { failedBefore }),
      ...(skipped().length > 0 && { skipped: skipped() }),
      figures: ended.flatMap(({ figures }) => figures),
    });
    const runParts = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [number, part] = next;
        const result = await runPart(proof, part, join(folder, String(number)));
        failed += result.failed;
        if (result.failed === 0 || proof.parts === undefined) {
          ended.push(result);
          parts.push(part);
          left.delete(number);
        }
        await save(soFar());
      }
    };
    await Promise.all(Array.from({ length: cpus().length }, runParts));
    return soFar();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type PartResult = Pick<ProofResult, 'passed' | 'failed' | 'skipped' | 'figures'>;

/** What is read of Jest's report. */
interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numRuntimeErrorTestSuites: number;
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

async function runPart(
  proof: Proof,
  part: Readonly<Record<string, string>>,
  path: string,
): Promise<PartResult> {
  const [report, outcome] = [`${path}-figures`, `${path}-jest.json`];
  await jest(proof, { ...part, PROOF_REPORT: report }, outcome);
  const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, testResults } = JSON.parse(
    await readFile(outcome, 'utf8'),
  ) as JestReport;
  // To Jest those that another part names are skipped, too.
  const named = new RegExp(part.PROOF_TESTS ?? '', 'i');
  const skipped = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status, fullName }) => status === 'pending' && named.test(fullName));
  const lines = (await readFile(report, 'utf8').catch(() => '')).split('\n').filter(Boolean);
  return {
    passed: numPassedTests,
    // A proof without a test proves nothing.
    failed: numFailedTests + numRuntimeErrorTestSuites + (numPassedTests === 0 ? 1 : 0),
    skipped: skipped.map(({ fullName }) => fullName),
    // Of several parts a figure says of which it is.
    figures: lines.map((line) => ({ ...(JSON.parse(line) as object), ...(proof.parts && { part }) })),
  };
}

async function jest(proof: Proof, own: Record<string, string>, outcome: string): Promise<void> {
  const { PROOF_FILES: files, PROOF_TESTS: named } = own;
  const child = spawn(
    process.execPath,
    [
      require.resolve('jest/bin/jest'),
      ...(files === undefined ? proof.tests : [files]),
      ...(named === undefined ? [] : ['--testNamePattern', named]),
      '--testTimeout=14400000',
      '--json',
      `--outputFile=${outcome}`,
    ],
    {
      cwd: packageRoot,
      env: { ...process.env, ...proof.environment, ...own },
      // The result goes to the file; what else would go to stdout is the same text again.
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  await new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    // A failed test is a result too.
    child.on('exit', () => resolve());
  });
}

function commitNow(): string {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: packageRoot, encoding: 'utf8' }).trim();
  return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain') === '' ? '' : '+'}`;
}

function machine(): string {
  const [cpu] = cpus();
  const gib = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} x ${cpu?.model ?? 'unknown'}, ${gib} GiB, ${platform()} ${arch()}, Node ${process.version}`;
}
