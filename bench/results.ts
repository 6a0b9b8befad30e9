import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import type { Benchmark, Outcome } from './benchmark.js';
import { root } from './bundle.js';
import type { Row } from './row.js';

/** A committed result: the rows, and all one needs to know to judge them. */
export interface Result {
  readonly name: string;
  readonly about: string;
  /** ISO 8601 date. */
  readonly date: string;
  readonly engine: string;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryGB: number;
    readonly os: string;
  };
  readonly versions: Readonly<Record<string, string>>;
  readonly runs: number;
  readonly faults?: number;
  readonly notMeasured: readonly string[];
  readonly rows: readonly Row[];
  readonly details?: readonly string[];
}

export const resultsFolder = join(root, 'bench', 'results');

/** What results say of the engine where none takes part. */
export const noEngine = 'none';

const packages = [
  '@aws-lambda-powertools/batch',
  '@aws-lambda-powertools/idempotency',
  '@aws-sdk/client-dynamodb',
  'esbuild',
  'zod',
];

export async function resultOf(
  { name, about, notMeasured, usesEngine }: Benchmark,
  { rows, details }: Outcome,
  { engine, runs, faults }: { engine: string; runs: number; faults: number },
): Promise<Result> {
  const versions = await Promise.all(packages.map(async (one) => [one, await versionOf(one)] as const));
  const [cpu] = cpus();
  return {
    name,
    about,
    date: new Date().toISOString().slice(0, 10),
    engine: usesEngine ? engine : noEngine,
    machine: {
      cpu: cpu?.model ?? 'unknown',
      cores: cpus().length,
      memoryGB: Math.round(totalmem() / 2 ** 30),
      os: `${type()} ${release().split('-')[0] ?? ''}`,
    },
    versions: { node: process.version.slice(1), ...Object.fromEntries(versions) },
    runs,
    faults: details === undefined && !rows.some(({ unit }) => unit === 'runs') ? undefined : faults,
    notMeasured,
    rows,
    details,
  };
}

async function versionOf(name: string): Promise<string> {
  const file = join(root, 'node_modules', name, 'package.json');
  return (JSON.parse(await readFile(file, 'utf8')) as { version: string }).version;
}

export async function save(result: Result): Promise<void> {
  await mkdir(resultsFolder, { recursive: true });
  await writeFile(join(resultsFolder, `${result.name}.json`), `${JSON.stringify(result, undefined, 2)}\n`);
}

/** All committed results, by name. */
export async function committedResults(): Promise<Map<string, Result>> {
  const files = (await readdir(resultsFolder)).filter((file) => file.endsWith('.json')).sort();
  const results = await Promise.all(
    files.map(async (file) => JSON.parse(await readFile(join(resultsFolder, file), 'utf8')) as Result),
  );
  return new Map(results.map((result) => [result.name, result]));
}
