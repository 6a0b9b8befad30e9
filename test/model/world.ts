import { Choices } from './choices.js';
import type { Effects } from './effects.js';
import type { Engine } from './engine.js';
import type { Moment } from './exchange.js';
import { Invocation } from './invocation.js';
import { resident } from './model-time.js';
import type { CrashPoint } from './runtime-under-test.js';
import type { Faults, Scenario } from './scenario.js';
import type { Tally } from './tally.js';
import type { Unhappy } from './unhappy.js';
import { Violation } from './violation.js';

export interface WorldOptions {
  readonly scenario: Scenario;
  readonly engine: Engine;
  readonly effects: Effects;
  readonly tally: Tally;
  /** Told when the sender of a request does not know whether it was done. */
  readonly onUnsure: (command: object) => void;
  /** Keeps a line for everything that happens. */
  readonly traces: boolean;
}

const epoch = Date.UTC(2026, 0, 1);
const pausesMs = [1, 1_000, 31_000, 700_000];

/**
 * Time, chance, and everything that is under way. Nothing happens but by its decision, so a run is what its choices
 * say.
 */
export class World {
  now = epoch;
  /** From now on nothing breaks any more. */
  isCalm = false;
  moments: Moment[] = [];
  readonly choices: Choices;
  readonly #timers = new Set<{
    readonly due: number;
    readonly owner: Invocation;
    readonly ring: () => void;
  }>();
  readonly #trace: string[] | undefined;

  constructor(private readonly options: WorldOptions) {
    this.choices = new Choices(options.scenario.choices);
    this.#trace = options.traces ? [] : undefined;
  }

  get engine(): Engine {
    return this.options.engine;
  }
  get effects(): Effects {
    return this.options.effects;
  }
  get tally(): Tally {
    return this.options.tally;
  }
  get faults(): Faults {
    return this.options.scenario.faults;
  }
  get unhappy(): Unhappy | undefined {
    return this.options.scenario.unhappy;
  }
  get sendings(): number {
    return this.options.scenario.sendings;
  }

  /** The sender of a request does not know whether it was done. */
  unsure(command: object): void {
    this.options.onUnsure(command);
  }

  note(what: () => string): void {
    this.#trace?.push(what());
  }

  violated(what: string): Violation {
    const violation = new Violation(what);
    violation.trace = this.#trace ?? [];
    return violation;
  }

  /** Whether something that may go wrong in this run does so now. */
  strikes(mayHappen: boolean, what: string, of256 = 16): boolean {
    if (!mayHappen || this.isCalm || !this.choices.chance(of256)) return false;
    this.tally.count(what);
    this.note(() => `  ! ${what}`);
    return true;
  }

  /** Who calls. */
  sender(): Invocation {
    const sender = resident.getStore();
    if (sender instanceof Invocation) return sender;
    throw new Error('a call from outside the model; this is a defect of the test');
  }

  async sleep(sleeper: Invocation, ms: number): Promise<void> {
    const due = this.now + ms;
    return new Promise((resolve) => {
      const fire = async () => {
        this.now = Math.max(this.now, due);
        if (sleeper.isAlive) resolve();
        return Promise.resolve(false);
      };
      if (sleeper.isAlive) this.moments.push({ label: `${sleeper.name} wakes`, fire });
    });
  }

  /** Rings when it is time, if its owner lives. */
  timer(owner: Invocation, ms: number, ring: () => void): () => void {
    const timer = { due: this.now + ms, owner, ring };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** A place at which the caller may die or stop for a while. */
  async danger(place: CrashPoint | 'in-handler', caller: Invocation): Promise<void> {
    this.tally.count(`passed ${place}`);
    if (caller.isAlive && this.strikes(this.faults.crash, `crash at ${place}`, 10)) caller.die();
    if (!caller.isAlive) return new Promise(() => undefined);
    if (this.strikes(this.faults.pauses, `pause at ${place}`, 10))
      await this.sleep(caller, pausesMs[this.choices.below(pausesMs.length)] ?? 0);
  }

  /** Lets one of the things under way go on, until everybody waits again. */
  async goOn(moment: Moment): Promise<void> {
    this.note(() => moment.label);
    if (!(await moment.fire())) this.moments = this.moments.filter((other) => other !== moment);
    await this.rest();
  }

  /** Until everybody waits, and no timer is due. */
  async rest(): Promise<void> {
    do await settled();
    while (this.#ring());
  }

  /** Whether a timer was due. */
  #ring(): boolean {
    const due = [...this.#timers].filter((timer) => timer.due <= this.now);
    for (const timer of due) {
      this.#timers.delete(timer);
      if (!timer.owner.isAlive) continue;
      this.tally.count('timer rang');
      this.note(() => `  time is over for ${timer.owner.name}`);
      resident.run(timer.owner, timer.ring);
    }
    return due.length > 0;
  }
}

/** After every promise that can go on has gone on: nothing in the model waits for anything but the model. */
export async function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
