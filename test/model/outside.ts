import type { Accepted } from './engine.js';
import { clientOf, type Service } from './exchange.js';
import { EffectBlocked, LeaseHeld, type EffectCall, type Finding } from './runtime-under-test.js';
import type { OutsideKind } from './scenario.js';
import type { World } from './world.js';

/** What an effect outside is called with, beside its message. */
export interface Order {
  readonly id: string;
  readonly kind: OutsideKind;
  /** Another one in each run of the handler: an effect in doubt is made again with those of its first call. */
  readonly arguments: string;
}

interface Call extends Order {
  readonly key: string;
  readonly sentAt: number;
}

/** One try of one handler to make its effect. */
interface Try {
  readonly id: string;
  state: 'under way' | 'over' | 'in doubt';
}

/** `maxEffectDelaySeconds` of the effects: what comes later acts no more. */
const maxDelayMs = 60_000;

/**
 * A server that no transaction reaches, and that counts. It drops no second call: what it is called with shows
 * whether one that does would have.
 */
export class Outside implements Service {
  readonly #acted: Call[] = [];
  readonly #tries: Try[] = [];
  /** Ids of effects of which a call was cut off. */
  readonly #cutOff = new Set<string>();
  #broken: string | undefined;
  #runs = 0;

  constructor(private readonly world: World) {}

  start({ input }: { readonly input: object }): Accepted {
    const call = input as Call;
    return { finish: () => this.#act(call) };
  }

  /** The handler's way to it, from `make` on until it knows the outcome. */
  async try(id: string, make: (args: string) => Promise<unknown>): Promise<void> {
    const attempt: Try = { id, state: 'under way' };
    this.#tries.push(attempt);
    this.#runs += 1;
    try {
      await make(`run ${this.#runs}`);
      attempt.state = 'over';
    } catch (error) {
      const isKnown = error instanceof LeaseHeld || error instanceof EffectBlocked;
      attempt.state = isKnown ? 'over' : 'in doubt';
      if (error instanceof EffectBlocked) this.#onBlocked(id, attempt);
      throw error;
    }
  }

  /** One call, which is not sent again: who sends it does not know what becomes of it when the answer is lost. */
  async call(order: Order, { idempotencyKey: key, signal }: EffectCall): Promise<object> {
    const { world } = this;
    await world.danger('in-handler', world.sender());
    const command = { input: { ...order, key, sentAt: world.now } };
    const answer = await clientOf(world, this, 1)
      .send(command, { abortSignal: signal })
      .catch((error: unknown) => {
        this.#cutOff.add(order.id);
        throw error;
      });
    await world.danger('in-handler', world.sender());
    return answer;
  }

  find(id: string): Finding<object> {
    return this.times(id) > 0 ? { kind: 'done', result: {} } : { kind: 'not-done' };
  }

  times(id: string): number {
    return this.#acted.filter((call) => call.id === id).length;
  }

  /** What may not be said, or not be done: see README.md. */
  get broken(): string | undefined {
    return this.#broken;
  }

  #act(call: Call): object {
    const { world } = this;
    if (world.now > call.sentAt + maxDelayMs) throw new Error('too late');
    const before = this.#acted.find(({ id }) => id === call.id);
    this.#acted.push(call);
    world.tally.count(before === undefined ? 'effect outside' : 'effect outside, again');
    world.note(() => `  outside: ${call.kind} of ${call.id}, ${call.arguments}`);
    if (before === undefined) return {};
    if (before.kind !== 'charge' || call.kind !== 'charge') this.#break(call, 'has happened twice');
    if (before.key !== call.key) this.#break(call, 'is made again under another key');
    if (before.arguments !== call.arguments) this.#break(call, 'is made again with other arguments');
    return {};
  }

  /** Only what nobody knows the outcome of is blocked, and somebody is told. */
  #onBlocked(id: string, attempt: Try): void {
    const { world } = this;
    world.tally.count('effect blocked');
    const { engine } = world;
    const rows = engine.rows?.(engine.names.receipts) ?? [];
    const listed = rows.some(
      (row) => row.id?.S?.endsWith(`#${id}`) && row.attention?.S?.endsWith('!effects'),
    );
    const inDoubt = this.#tries.some(
      (other) => other !== attempt && other.id === id && other.state !== 'over',
    );
    if (!inDoubt && !this.#cutOff.has(id))
      this.#broken ??= `the effect of ${id} is blocked, and what became of it is known`;
    if (!listed) this.#broken ??= `the effect of ${id} is blocked, and nobody is told`;
  }

  #break({ id, kind }: Call, what: string): void {
    this.#broken ??= `the effect (${kind}) of ${id} ${what}`;
  }
}
