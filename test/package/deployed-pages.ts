import { execFile } from 'node:child_process';
import { cp, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GetItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { DeleteFunctionCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  startEventSourceRunner,
  type EventSourceRunner,
  type Invocation,
} from '../../targets/event-source/index.js';
import { binFolder, packageRoot } from '../../targets/package-root.js';
import { dynamo } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { deployedAll, stagedWhere, writeProject } from './own-app.js';
import { folderOf, writePageApp } from './page-app.js';
import { deployedPages, synthesizedPages } from './pages.js';
import type { StagedPackage } from './staged-package.js';

export type DeployedPage = (typeof deployedPages)[number]['id'];

/** What the samples import beside the package and its peers, and what their pages ask for by name. */
const askedFor = [
  ...['zod', '@aws-lambda-powertools', '@aws-sdk/client-secrets-manager'],
  ...['pg', 'pg-logical-replication'],
];

/**
 * The samples of each page, as a reader would copy them into an empty app that has the package from its tarball, and
 * none of the peers that may be left out but those that a page asks for. What the target can hold is deployed.
 */
export class DeployedPages {
  readonly target = embedded();
  readonly lambda = new LambdaClient(this.target.client);

  private constructor(
    private readonly staged: StagedPackage,
    private readonly outputs: Readonly<Record<string, Readonly<Record<string, string>>>>,
    readonly runner: EventSourceRunner,
    private readonly invocations: readonly Invocation[],
  ) {}

  static async deploy(): Promise<DeployedPages> {
    const staged = await stagedWhere(
      async ({ project }) => {
        for (const name of askedFor)
          await symlink(join(packageRoot, 'node_modules', name), join(project, 'node_modules', name));
        await writePageApp(project, [...deployedPages, ...synthesizedPages]);
        await writeProject(project, 'tsx app.ts');
      },
      { optionalPeers: false },
    );
    const outputs = await deployedAll(staged.project, ...deployedPages.map(({ id }) => id));
    const invocations: Invocation[] = [];
    const runner = await startEventSourceRunner(embedded(), {
      functionNames: functionNames(outputs),
      onInvocation: (invocation) => invocations.push(invocation),
    });
    return new DeployedPages(staged, outputs, runner, invocations);
  }

  async close(): Promise<void> {
    await this.runner.stop();
    // Their processes would stay for as long as the emulator does.
    for (const FunctionName of functionNames(this.outputs))
      await this.lambda.send(new DeleteFunctionCommand({ FunctionName }));
    await this.staged.remove();
  }

  /** The app's folder. */
  get project(): string {
    return this.staged.project;
  }

  output(stack: DeployedPage, name: string): string {
    const value = this.outputs[stack]?.[name];
    if (value === undefined) throw new Error(`${stack} has no output ${name}`);
    return value;
  }

  /** Twice, each time until nothing is under way any more. */
  async twice(send: () => Promise<unknown>): Promise<void> {
    for (let time = 1; time <= 2; time += 1) {
      await send();
      await this.runner.idle(200);
    }
  }

  /** How many records a function has been handed by its queue or stream, and has acknowledged. */
  acknowledged(functionName: string): number {
    return this.invocations
      .filter((one) => one.functionName === functionName)
      .reduce((sum, { records, failed }) => sum + records - failed, 0);
  }

  async row(stack: DeployedPage, tableName: string, Key: Record<string, AttributeValue>) {
    const TableName = this.output(stack, tableName);
    const { Item } = await dynamo().send(new GetItemCommand({ TableName, Key, ConsistentRead: true }));
    return Item;
  }

  /** Path of a sample in the app. */
  sample(page: string, file: string): string {
    return join(this.project, folderOf(page), file);
  }

  /** What a program of the app is started with. */
  environment(more: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    return { ...process.env, ...this.target.environment, ...more };
  }

  /**
   * Calls the handler of a sample twice with one event, in a process of its own, as a function would.
   *
   * @returns what it answered
   */
  async calledTwice(
    page: string,
    file: string,
    event: object,
    environment: NodeJS.ProcessEnv,
  ): Promise<unknown[]> {
    await cp(join(__dirname, 'call-twice.mjs'), join(this.project, 'call-twice.mjs'));
    const { stdout } = await promisify(execFile)(
      join(binFolder, 'tsx'),
      ['call-twice.mjs', this.sample(page, file), JSON.stringify(event)],
      { cwd: this.project, env: this.environment(environment) },
    );
    return [...stdout.matchAll(/^answered (.*)$/gm)].map(([, text = '']) => JSON.parse(text) as unknown);
  }

  /** What the command line of the package prints. */
  async cli(...args: string[]): Promise<string> {
    const bin = join(this.project, 'node_modules', 'exactly-once-aws', 'dist', 'cjs', 'cli', 'main.js');
    const options = { cwd: this.project, env: this.environment({}) };
    const { stdout } = await promisify(execFile)(process.execPath, [bin, ...args], options);
    return stdout;
  }
}

/** What a handler of a queue answers when it has acted upon everything, or had done so before. */
export const bothActed = [{ batchItemFailures: [] }, { batchItemFailures: [] }];

function functionNames(outputs: Readonly<Record<string, Readonly<Record<string, string>>>>): string[] {
  return Object.values(outputs).flatMap((stack) =>
    Object.entries(stack).flatMap(([name, value]) => (name.endsWith('FunctionName') ? [value] : [])),
  );
}
