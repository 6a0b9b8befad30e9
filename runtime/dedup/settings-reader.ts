import { InvalidSettings } from './error.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the variables that a construct has set, and finds everything that is wrong before it complains. */
export class SettingsReader {
  readonly problems: string[] = [];
  readonly #environment: Environment;
  readonly #remedy: string;

  /** @param remedy what sets the variables, such as `deploy the function with IdempotentApi` */
  constructor(environment: Environment, remedy: string) {
    this.#environment = environment;
    this.#remedy = remedy;
  }

  /** The value of a variable; empty where it is not set, which is a problem. */
  read(name: string): string {
    const value = this.#environment[name];
    if (!value) this.problems.push(`${name} is not set; ${this.#remedy}, or set it by hand`);
    return value ?? '';
  }

  /** @throws InvalidSettings when there is a problem */
  end(): void {
    if (this.problems.length > 0) throw new InvalidSettings(this.problems);
  }
}
