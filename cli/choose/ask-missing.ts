import { createInterface } from 'node:readline/promises';
import { CliError } from '../cli-error.js';
import { questions, type Answers, type Question } from './questions.js';

/** Where questions are put. Nothing is asked where nobody sits. */
interface Terminal {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
}

/**
 * What was given, completed: by asking on a terminal, else by what counts when nothing is said.
 *
 * @throws CliError naming every flag that is missing where nobody can be asked
 */
export async function askMissing(
  given: Partial<Answers>,
  { input, output }: Terminal = { input: process.stdin, output: process.stderr },
): Promise<Answers> {
  const answers: Partial<Record<keyof Answers, unknown>> = { ...given };
  const open = questions.filter(({ name }) => given[name] === undefined);
  const asks = input.isTTY && output.isTTY && open.some(({ otherwise }) => otherwise === undefined);
  if (asks) {
    const terminal = createInterface({ input, output });
    try {
      for (const question of open)
        answers[question.name] = await answerTo(question, answers, terminal, output);
    } finally {
      terminal.close();
    }
    return answers as Answers;
  }
  const missing: string[] = [];
  for (const { name, flags, otherwise, parse } of open) {
    const text = otherwise?.(answers as Partial<Answers>);
    const parsed = text === undefined ? undefined : parse(text);
    if (parsed === undefined || parsed.problem !== undefined) missing.push(flags);
    else answers[name] = parsed.value === '' ? undefined : parsed.value;
  }
  if (missing.length > 0) throw new CliError(`give ${missing.join(', ')}: there is no terminal to ask on`);
  return answers as Answers;
}

async function answerTo(
  { text, otherwise, parse }: Question,
  answers: Partial<Record<keyof Answers, unknown>>,
  terminal: { question(query: string): Promise<string> },
  output: NodeJS.WriteStream,
): Promise<unknown> {
  for (;;) {
    const said = (await terminal.question(`${text}? `)).trim();
    const used = said === '' ? otherwise?.(answers as Partial<Answers>) : said;
    const parsed = used === undefined ? { problem: 'has to be said' } : parse(used);
    if (parsed.problem === undefined) return parsed.value === '' ? undefined : parsed.value;
    output.write(`${parsed.problem}\n`);
  }
}
