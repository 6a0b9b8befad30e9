/** The life of a process. */
export class Life {
  isOver = false;
  readonly #end = Promise.withResolvers<undefined>();
  readonly end = this.#end.promise;

  die(): Error {
    this.isOver = true;
    this.#end.resolve(undefined);
    return new Error('the process is dead');
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
      return life.isOver ? new Promise(() => undefined) : answer;
    },
  };
}
