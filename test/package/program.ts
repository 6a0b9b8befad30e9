import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';

/** A program of a page, run by Node as a container would run it. */
export class Program {
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;
  #isEnded = false;
  #output = '';

  constructor(file: string, env: NodeJS.ProcessEnv) {
    this.#child = spawn(process.execPath, [file], { cwd: dirname(file), env });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        this.#output += chunk.toString();
      });
    this.#exit = once(this.#child, 'exit').then(() => {
      this.#isEnded = true;
    });
  }

  /** What it has printed so far. */
  get output(): string {
    return this.#output;
  }

  /** Why nothing is to be expected of it any more. */
  get failure(): Error | undefined {
    return this.#isEnded ? new Error(`it has ended:\n${this.#output.slice(-4_000)}`) : undefined;
  }

  /** What ECS does to stop a task. @returns its exit status, null if it did not end by itself */
  async terminated(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    await this.#exit;
    return this.#child.exitCode;
  }

  /** As a machine dies. */
  async killed(): Promise<void> {
    this.kill();
    await this.#exit;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
