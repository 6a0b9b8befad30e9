import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { addConsumerOptions } from '../../cli/consumer-options.js';
import { cliProgram } from '../../cli/program.js';
import { packageRoot } from '../../targets/package-root.js';

const [, ...sections] = readFileSync(join(packageRoot, 'docs', 'cli.md'), 'utf8').split(/^## /m);
const documented = new Map(sections.map((text) => [text.split('\n')[0] ?? '', text]));

const optionsIn = (text: string) =>
  [...text.matchAll(/^\| `(--[^`]+)` \|/gm)].map(([, flags]) => flags).sort();
const optionsOf = (command: Command) => command.options.map(({ flags }) => flags).sort();
const shared = optionsOf(addConsumerOptions(cliProgram().command('any')));

test('the options that say which consumer', () => {
  expect(optionsIn(documented.get('Which consumer') ?? '')).toEqual(shared);
});

test('the commands', () => {
  const names = cliProgram().commands.map((command) => command.name());
  expect([...documented.keys()].filter((name) => name !== 'Which consumer').sort()).toEqual(names.sort());
});

test.each(cliProgram().commands.map((command) => [command.name(), command] as const))(
  'the options, arguments and exit codes of %s',
  (name, command) => {
    const text = documented.get(name) ?? '';
    const aboutAConsumer = shared.every((flags) => optionsOf(command).includes(flags));
    expect(optionsIn(text)).toEqual(
      optionsOf(command).filter((flags) => !aboutAConsumer || !shared.includes(flags)),
    );
    const usage = [name, ...command.registeredArguments.map((argument) => `<${argument.name()}>`)].join(' ');
    expect(text).toContain(`\`exactly-once-aws ${usage}\``);
    expect(text).toMatch(/^Exit codes/m);
  },
);
