/** The life of a process. */
export class Life {
  #isOver = false;
  readonly #end = Promise.withResolvers<undefined>();
  readonly end = this.#end.promise;

  get isOver(): boolean {
    return this.#isOver;
  }

  die(): Error {
    this.#isOver = true;
    this.#end.resolve(undefined);
    return new Error('the process is dead');
  }

  hears(answer: object): Promise<object> {
    return this.isOver ? new Promise(() => undefined) : Promise.resolve(answer);
  }
}

interface Command {
  readonly input: object;
}

/**
 * A client of a process: what the dead ask for is never done, and whoever died meanwhile hears nothing of what was
 * done.
 */
export function lifeClient(life: Life, start: (command: Command) => { finish(): object | Promise<object> }) {
  return {
    config: {},
    async send(command: Command): Promise<object> {
      await new Promise((resolve) => setImmediate(resolve));
      if (life.isOver) return new Promise(() => undefined);
      const accepted = start(command);
      await new Promise((resolve) => setImmediate(resolve));
      const answer = await accepted.finish();
      return life.hears(answer);
    },
  };
}
