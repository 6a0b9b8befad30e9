import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findIgnored, typesOf } from './ignored.js';
import { LocalTargetError } from './local-target-error.js';
import { binFolder, packageRoot } from './package-root.js';
import type { Target } from './target.js';

/** A step of the CDK CLI failed. */
export class DeployError extends LocalTargetError {
  override readonly name = 'DeployError';
  constructor(
    /** `bootstrap`, `synth`, `deploy` or `destroy`. */
    readonly step: string,
    /** The last lines the CLI printed. */
    readonly outputTail: string,
    options?: ErrorOptions,
  ) {
    super(`cdk ${step} failed: see the end of its output below\n${outputTail}`, options);
  }
}

export interface DeployOptions {
  /** CDK context, as with `-c key=value`. @default - none */
  context?: Record<string, string>;
  /** @default 'ExactlyOnceReference' */
  stack?: string;
  /** The command that synthesizes the app. @default - `app` of cdk.json */
  app?: string;
  log?: (line: string) => void;
  /**
   * Ends the CLI when it aborts: the step then fails with the signal's reason as cause. @default - runs to its end
   */
  signal?: AbortSignal;
}

const referenceStack = 'ExactlyOnceReference';

/**
 * Bootstraps the target's account, synthesizes the app once and deploys one stack of it with the plain CDK CLI.
 * Returns the stack's outputs by name. What the target ignored of it without a word is logged by type.
 *
 * @throws DeployError naming the step, with the end of its output
 * @throws IgnoredByTargetError when the target gave no value to an output
 */
export async function deployStack(
  target: Target,
  options: DeployOptions = {},
): Promise<Record<string, string>> {
  const log = options.log ?? (() => undefined);
  const stack = options.stack ?? referenceStack;
  return withWorkFolder(async (folder) => {
    const assembly = join(folder, 'cdk.out');
    const outputs = join(folder, 'outputs.json');
    // Neither needs the other. Both are awaited even if one fails: the folder goes when this returns.
    const prepared = await Promise.allSettled([
      timed(log, `bootstrap of ${target.account}`, () => bootstrap(target, folder, options.signal)),
      timed(log, 'synth', () => synth(target, assembly, options)),
    ]);
    for (const step of prepared) if (step.status === 'rejected') throw step.reason;
    await timed(log, `deploy of ${stack}`, () =>
      cdk(
        target,
        'deploy',
        [
          ...['--app', assembly, stack, '--require-approval', 'never', '--outputs-file', outputs],
          ...['--progress', 'events', '--no-notices'],
        ],
        options,
      ),
    );
    const written = JSON.parse(await readFile(outputs, 'utf8')) as Record<string, Record<string, string>>;
    const values = written[stack] ?? {};
    // AWS says itself what it could not deploy.
    if (target.endpoint === undefined) return values;
    const template = await readFile(join(assembly, `${stack}.template.json`), 'utf8');
    const ignored = await findIgnored(target, stack, template, values);
    if (ignored.length > 0) log(`${target.name} ignores ${typesOf(ignored)}`);
    return values;
  });
}

/**
 * Deletes the stack from the target with what it does not retain.
 *
 * @throws DeployError
 */
export async function destroyStack(target: Target, options: DeployOptions = {}): Promise<void> {
  const log = options.log ?? (() => undefined);
  const stack = options.stack ?? referenceStack;
  await withWorkFolder(async (folder) => {
    const assembly = join(folder, 'cdk.out');
    await synth(target, assembly, options);
    await timed(log, `destroy of ${stack}`, () =>
      cdk(target, 'destroy', ['--app', assembly, stack, '--force', '--no-notices'], options),
    );
  });
}

/** Runs where there is no cdk.json: the CLI would synthesize the app first, which bootstrapping does not need. */
function bootstrap(target: Target, folder: string, signal?: AbortSignal): Promise<void> {
  const args = [`aws://${target.account}/${target.region}`, '--no-notices'];
  return cdk(target, 'bootstrap', args, { signal, cwd: folder });
}

function synth(target: Target, assembly: string, options: DeployOptions): Promise<void> {
  const context = Object.entries(options.context ?? {}).flatMap(([key, value]) => [
    '--context',
    `${key}=${value}`,
  ]);
  const app = options.app === undefined ? [] : ['--app', options.app];
  // The tests of the app run the CLI's validation; here it would only cost its time (4 of 8 s) again.
  const flags = ['--quiet', '--no-validation', '--no-notices'];
  return cdk(target, 'synth', [...flags, '--output', assembly, ...app, ...context], options);
}

async function cdk(
  target: Target,
  step: string,
  args: readonly string[],
  { signal, cwd = packageRoot }: { signal?: AbortSignal; cwd?: string },
): Promise<void> {
  const child = spawn(join(binFolder, 'cdk'), [step, ...args], {
    cwd,
    env: {
      ...process.env,
      ...target.environment,
      // CI=true sends the CLI's progress to standard output, and no colours get into the tail of an error.
      CI: 'true',
      NO_COLOR: '1',
      CDK_DISABLE_CLI_TELEMETRY: 'true',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  });
  const lines: string[] = [];
  const keep = (chunk: Buffer) => {
    lines.push(
      ...chunk
        .toString()
        .split('\n')
        .filter((line) => line.trim() !== ''),
    );
    lines.splice(0, lines.length - 40);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const failure = await new Promise<{ cause?: unknown } | undefined>((resolve) => {
    child.on('error', (cause) => resolve({ cause }));
    child.on('close', (code) => resolve(code === 0 ? undefined : {}));
  });
  if (failure !== undefined) throw new DeployError(step, lines.slice(-25).join('\n'), failure);
}

async function timed(log: (line: string) => void, what: string, run: () => Promise<void>): Promise<void> {
  const start = performance.now();
  await run();
  log(`${what}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

/**
 * A folder for one deployment. It is inside the package, so that the paths of assets stay short, and carries the
 * process id: those of processes that were killed are removed here.
 */
async function withWorkFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const parent = join(packageRoot, '.local');
  await mkdir(parent, { recursive: true });
  for (const name of await readdir(parent)) {
    const owner = /^deploy-(\d+)-/u.exec(name)?.[1];
    if (owner !== undefined && !isAlive(Number(owner)))
      await rm(join(parent, name), { recursive: true, force: true });
  }
  const folder = await mkdtemp(join(parent, `deploy-${process.pid}-`));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
