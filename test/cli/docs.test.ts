import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { addConsumerOptions } from '../../cli/consumer-options.js';
import { addOutboxOptions } from '../../cli/outbox-connection.js';
import { addWebhookOptions } from '../../cli/webhook-connection.js';
import { cliProgram } from '../../cli/program.js';
import { packageRoot } from '../../targets/package-root.js';

const [, ...sections] = readFileSync(join(packageRoot, 'docs', 'cli.md'), 'utf8').split(/^## /m);
const documented = new Map(sections.map((text) => [text.split('\n')[0] ?? '', text]));

const optionsIn = (text: string) =>
  [...text.matchAll(/^\| `(--[^`]+)` \|/gm)].map(([, flags]) => flags).sort();
const optionsOf = (command: Command) => command.options.map(({ flags }) => flags).sort();
/** Options that many commands take, by the section that describes them. */
const shared = new Map([
  ['Which consumer', optionsOf(addConsumerOptions(cliProgram().command('any')))],
  ['Which webhooks', optionsOf(addWebhookOptions(cliProgram().command('any')))],
  ['Which outbox', optionsOf(addOutboxOptions(cliProgram().command('any')))],
]);

/** Commands with their whole names: those that only hold others are none. */
function leaves(command: Command, above: readonly string[] = []): [string, Command][] {
  return command.commands.flatMap((one): [string, Command][] => {
    const name = [...above, one.name()];
    return one.commands.length > 0 ? leaves(one, name) : [[name.join(' '), one]];
  });
}
const commands = leaves(cliProgram());

/** Sections that hold what several commands share. */
const common = [...shared.keys(), 'Dry runs'];

/** They look, and change nothing. */
const readOnly = [
  ...['status', 'inspect', 'groups', 'gaps', 'blocked', 'dead-letters list', 'outbox list', 'webhooks list'],
  ...['status', 'inspect', 'groups', 'gaps', 'blocked', 'outbox list'].map((name) => `postgres ${name}`),
  // It acts on an API, not on what this library keeps, and every request is one that the user wrote.
  'conformance',
  'audit',
  // It calls nobody.
  'choose',
  'migration',
  // They change what is on this machine only.
  ...['local up', 'local deploy', 'local down'],
];

test.each([...shared])('the options of %s', (section, options) => {
  expect(optionsIn(documented.get(section) ?? '')).toEqual(options);
});

test('the commands', () => {
  const names = commands.map(([name]) => name);
  expect([...documented.keys()].filter((name) => !common.includes(name)).sort()).toEqual(names.sort());
});

test('every command that changes something can be run dry', () => {
  const without = commands.filter(([, command]) => !optionsOf(command).includes('--dry-run'));
  expect(without.map(([name]) => name).sort()).toEqual([...readOnly].sort());
});

test.each(commands)('the options, arguments and exit codes of %s', (name, command) => {
  const text = documented.get(name) ?? '';
  const common = [...shared.values()].find((flags) => flags.every((one) => optionsOf(command).includes(one)));
  const own = optionsOf(command).filter((flags) => flags !== '--dry-run' && common?.includes(flags) !== true);
  expect(optionsIn(text)).toEqual(own);
  const named = command.registeredArguments.map((argument) =>
    argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
  );
  expect(text).toContain(`\`exactly-once-aws ${[name, ...named].join(' ')}\``);
  expect(text).toMatch(/^Exit codes/m);
});
