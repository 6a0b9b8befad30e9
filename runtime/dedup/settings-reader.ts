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

  /** The whole number in a variable; anything else, or less than `least`, is a problem. */
  readWhole(name: string, least = 1): number {
    const text = this.read(name);
    const whole = /^[0-9]{1,15}$/.test(text) && Number(text) >= least;
    if (text && !whole) this.problems.push(`${name} must be a whole number from ${least}, got '${text}'`);
    return Number(text);
  }

  /** @throws InvalidSettings when there is a problem */
  end(): void {
    if (this.problems.length > 0) throw new InvalidSettings(this.problems);
  }
}
