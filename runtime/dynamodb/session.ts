import { DependencyFailed, TransactionSealed } from '../dedup/error.js';

/** One run of a handler: what it may still do, and what it has begun and not awaited (R55). */
export class Session {
  /** It has read the store, or made an effect. */
  looked = false;
  #over = false;
  /** What the run failed of, whatever its handler makes of it. */
  #broken: DependencyFailed | undefined;
  readonly #begun = new Set<{ readonly method: string }>();

  /** @throws TransactionSealed when the handler has returned. */
  assertOpen(method: string): void {
    if (this.#over) throw new TransactionSealed(method);
  }

  /**
   * Work that the handler has to await. When it has not, the run fails with that, and the promise never settles:
   * nobody is left who could do anything about it, and an unhandled rejection would take the process and the other
   * messages with it.
   */
  async track<T>(method: string, work: () => Promise<T>): Promise<T> {
    this.assertOpen(method);
    this.looked = true;
    const begun = { method };
    this.#begun.add(begun);
    let end: () => T;
    try {
      const value = await work();
      end = () => value;
    } catch (error) {
      if (error instanceof DependencyFailed) this.#broken ??= error;
      end = () => {
        throw error;
      };
    }
    this.#begun.delete(begun);
    return this.#over ? new Promise<T>(() => undefined) : end();
  }

  /**
   * The handler has returned: nothing more is taken.
   *
   * @throws DependencyFailed when something that it asked for was not to be had, also where it went on without (R44).
   * @throws TransactionSealed when it has left something unawaited.
   */
  seal(): void {
    this.#over = true;
    if (this.#broken !== undefined) throw this.#broken;
    const [left] = this.#begun;
    if (left !== undefined) throw new TransactionSealed(left.method);
  }

  /** The handler has thrown. @returns what is to be held against whom. */
  close(thrown: unknown): unknown {
    this.#over = true;
    return this.#broken ?? thrown;
  }
}
