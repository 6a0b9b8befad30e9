import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaInvocationEvent } from '../../targets/event-source/kafka/record.js';
import { answerMark } from './answer-mark.js';

export interface Programs {
  /** Of the bundled host of a function. */
  readonly host: string;
  /** Of the bundled function. */
  readonly function: string;
  readonly environment: Readonly<Record<string, string>>;
}

interface Instance {
  readonly child: ChildProcess;
  /** What it answers next; undefined once it has ended. */
  answer(): Promise<string | undefined>;
}

/** The instance of a function: it is made anew when it has died. */
export class FunctionInstances {
  readonly #programs: Programs;
  #instance: Instance | undefined;

  constructor(programs: Programs) {
    this.#programs = programs;
  }

  /**
   * Hands an event over.
   *
   * @param dieAfterMs kills the instance then, also one that has answered
   * @returns whether it answered that all is well; `died`: it did not answer
   */
  async invoke(event: KafkaInvocationEvent, dieAfterMs?: number): Promise<'done' | 'failed' | 'died'> {
    const instance = (this.#instance ??= this.#start());
    const answer = instance.answer();
    instance.child.stdin?.write(`${JSON.stringify(event)}\n`);
    if (dieAfterMs !== undefined) {
      await Promise.race([answer, sleep(dieAfterMs)]);
      this.stop();
    }
    const text = await answer;
    if (text === undefined) {
      this.stop();
      return 'died';
    }
    const { batchItemFailures = [] } = JSON.parse(text) as { batchItemFailures?: unknown[] };
    return batchItemFailures.length === 0 ? 'done' : 'failed';
  }

  stop(): void {
    this.#instance?.child.kill('SIGKILL');
    this.#instance = undefined;
  }

  #start(): Instance {
    const { host, function: file, environment } = this.#programs;
    const child = spawn(process.execPath, [host, file], {
      env: { ...process.env, ...environment },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    // It dies while an event is written to it.
    child.stdin.on('error', () => undefined);
    let told: (answer: string | undefined) => void = () => undefined;
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith(answerMark)) told(line.slice(answerMark.length));
    });
    child.once('close', () => told(undefined));
    return {
      child,
      answer: () =>
        new Promise((resolve) => {
          told = resolve;
        }),
    };
  }
}
