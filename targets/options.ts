import { type Command, Option } from 'commander';
import { TargetOptionsError } from './errors.js';

/** Where a run goes, as the command line says it. */
export interface TargetOptions {
  readonly target: 'embedded' | 'endpoint' | 'aws';
  /** With target `endpoint` only. */
  readonly endpoint?: string;
  /** With an HTTPS endpoint only: PEM file. */
  readonly ca?: string;
  /** With target `endpoint` only: it plays the event source mappings itself. @default false */
  readonly ownMappings?: boolean;
  /** With target `aws`: do not ask. */
  readonly yes: boolean;
}

/** Adds --target, --endpoint, --ca, --own-mappings and --yes to a command line. */
export function addTargetOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--target <where>',
        'embedded: an emulator of its own; endpoint: one you started; aws: your account',
      )
        .choices(['embedded', 'endpoint', 'aws'])
        .default('embedded'),
    )
    .option('--endpoint <url>', 'address of the emulator you started, for --target endpoint')
    .option('--ca <file>', 'PEM file with the CA of an https endpoint')
    .option(
      '--own-mappings',
      "the emulator plays its event source mappings, not this project's runner",
      false,
    )
    .option('--yes', 'do not ask before --target aws deploys to your account', false);
}

/**
 * The part of a command line's options that says where a run goes.
 *
 * @throws TargetOptionsError when they do not go together
 */
export function targetOptions(options: TargetOptions): TargetOptions {
  const { target, endpoint, ca, ownMappings, yes } = options;
  const problem = problemOf(options);
  if (problem !== undefined) throw new TargetOptionsError(problem);
  return { target, endpoint, ca, ownMappings, yes };
}

function problemOf({ target, endpoint, ca, ownMappings, yes }: TargetOptions): string | undefined {
  if (target !== 'endpoint' && endpoint !== undefined)
    return `--endpoint goes with --target endpoint, not with --target ${target}: change one of them`;
  if (target === 'endpoint' && endpoint === undefined)
    return '--target endpoint needs --endpoint URL, such as http://127.0.0.1:4566';
  if (ownMappings === true && target !== 'endpoint')
    return `--own-mappings goes with --target endpoint, not with --target ${target}: leave it out`;
  if (yes && target !== 'aws')
    return `--yes goes with --target aws, not with --target ${target}: leave it out`;
  const protocol = endpoint === undefined ? undefined : URL.parse(endpoint)?.protocol;
  if (endpoint !== undefined && protocol !== 'http:' && protocol !== 'https:')
    return `--endpoint is '${endpoint}', must be a URL that begins with http:// or https://`;
  if (ca !== undefined && protocol !== 'https:')
    return '--ca goes with an endpoint that begins with https://';
  return undefined;
}
