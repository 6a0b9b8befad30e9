import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { CliError } from '../cli-error.js';
import { cdkOf, runCdk } from '../local/cdk-command.js';
import { print, printJson } from '../output.js';

interface LocalDeployOptions {
  readonly app?: string;
  readonly context: readonly string[];
  readonly json: boolean;
}

type Outputs = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Adds `local deploy`. */
export function addLocalDeploy(local: Command): void {
  local
    .command('deploy')
    .description('Deploys the CDK app of this folder to its emulator, and plays the event sources found.')
    .argument('[stacks...]', 'stacks to deploy; all when none is named')
    .option('--app <command>', "what synthesizes the app; else cdk.json's")
    .option('--context <key=value>', 'CDK context, as often as needed', collect, [])
    .option('--json', 'print one JSON object', false)
    .action(async (stacks: string[], { app, context, json }: LocalDeployOptions) => {
      const project = process.cwd();
      const [{ readState, stateFolder }, { play }, { describeEmbedded }] = await Promise.all([
        import('../../targets/local/state.js'),
        import('../../targets/local/control.js'),
        import('../../targets/embedded/index.js'),
      ]);
      const state = await readState(project);
      if (state === undefined) throw new CliError('nothing runs here: npx exactly-once-aws local up');
      const program = cdkOf(project);
      const target = describeEmbedded(state.endpoint);
      const { environment } = target;
      // Where there is no app: the CLI would synthesize it first.
      const account = `aws://${target.account}/${target.region}`;
      await runCdk(program, ['bootstrap', account], { cwd: tmpdir(), environment });
      const file = join(stateFolder(project), 'outputs.json');
      const args = [
        ...['deploy', ...(stacks.length > 0 ? stacks : ['--all'])],
        ...['--require-approval', 'never', '--outputs-file', file],
        ...(app === undefined ? [] : ['--app', app]),
        ...context.flatMap((pair) => ['--context', pair]),
      ];
      await runCdk(program, args, { cwd: project, environment });
      const played = await play(state);
      const outputs = localOutputs(JSON.parse(await readFile(file, 'utf8')) as Outputs, (url) =>
        target.httpUrl(url),
      );
      if (json) {
        printJson({ endpoint: state.endpoint, played, outputs });
        return;
      }
      for (const [stack, values] of Object.entries(outputs))
        for (const [name, value] of Object.entries(values)) print(`${stack}.${name} = ${value}`);
      for (const { source, functionName } of played) print(`played: ${source} -> ${functionName}`);
    });
}

/** Addresses of APIs as this machine reaches them. */
function localOutputs(outputs: Outputs, httpUrl: (deployed: string) => string): Outputs {
  const local = (value: string) => (/^https?:\/\//.test(value) ? httpUrl(value) : value);
  return Object.fromEntries(
    Object.entries(outputs).map(([stack, values]) => [
      stack,
      Object.fromEntries(Object.entries(values).map(([name, value]) => [name, local(value)])),
    ]),
  );
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
