import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import type { Accepted } from './engine.js';
import type { Invocation } from './invocation.js';
import type { World } from './world.js';

/** What a request is sent to. */
export interface Service {
  start(command: { readonly input: object }, sender: Invocation): Accepted;
}

/** Something that is under way and goes on when the model lets it. */
export interface Moment {
  readonly label: string;
  /** Goes on by one step. @returns false when it is over. */
  fire(): Promise<boolean>;
}

interface Client {
  resolve(answer: object): void;
  reject(error: unknown): void;
}

/**
 * One sending of one request: it arrives, takes effect, is answered; and between any two of these something may
 * break.
 */
export class Exchange implements Moment {
  #stage: 'sent' | 'accepted' | 'answered' = 'sent';
  #accepted: Accepted | undefined;
  #answer: (client: Client) => void = () => undefined;

  constructor(
    private readonly world: World,
    private readonly sender: Invocation,
    private readonly service: Service,
    private readonly command: { readonly input: object },
    /** Undefined: nobody waits for the answer any more. */
    private client: Client | undefined,
  ) {}

  get label(): string {
    return `${this.sender.name} ${this.command.constructor.name} ${this.#stage}`;
  }

  async fire(): Promise<boolean> {
    if (this.#stage === 'sent') return this.#arrive();
    if (this.#stage === 'accepted') return this.#takeEffect();
    return this.#return();
  }

  #arrive(): boolean {
    const { world } = this;
    const { faults } = world;
    if (this.#dieMaybe('waiting for') && world.choices.chance(128)) return false;
    if (world.strikes(faults.lostRequest, 'request lost')) return this.#breakOff('over');
    if (this.client !== undefined && world.strikes(faults.late, 'request late'))
      return this.#breakOff('goes on');
    try {
      this.#accepted = this.service.start(this.command, this.sender);
      this.#stage = 'accepted';
    } catch (error) {
      this.#fail(error);
    }
    return true;
  }

  async #takeEffect(): Promise<boolean> {
    const accepted = this.#accepted;
    if (accepted === undefined) return false;
    try {
      const answer = await this.world.effects.watch(this.command, this.sender, async () => accepted.finish());
      this.#answer = (client) => client.resolve(answer);
      this.#stage = 'answered';
    } catch (error) {
      this.#fail(error);
    }
    return this.client !== undefined;
  }

  #return(): boolean {
    const { world } = this;
    this.#dieMaybe('answered by');
    if (world.strikes(world.faults.lostAnswer, 'answer lost')) return this.#breakOff('over');
    if (this.client !== undefined && this.sender.isAlive) this.#answer(this.client);
    return false;
  }

  #fail(error: unknown): void {
    if (error instanceof Error) this.world.tally.count(`answer ${nameOf(error)}`);
    this.#answer = (client) => client.reject(error);
    this.#stage = 'answered';
  }

  #dieMaybe(when: string): boolean {
    const { world, sender, command } = this;
    const what = `crash ${when} ${command.constructor.name}`;
    if (!sender.isAlive || !world.strikes(world.faults.crash, what, 6)) return false;
    sender.die();
    this.client = undefined;
    return true;
  }

  /** The sender sees the connection break. */
  #breakOff(request: 'over' | 'goes on'): boolean {
    if (this.sender.isAlive) this.client?.reject(new ConnectionBroken());
    this.client = undefined;
    return request === 'goes on';
  }
}

function nameOf(error: Error): string {
  if (!(error instanceof TransactionCanceledException)) return error.name;
  const codes = new Set(
    error.CancellationReasons?.map(({ Code = '' }) => Code).filter((code) => code !== 'None'),
  );
  return `${error.name} ${[...codes].sort().join('+')}`;
}

class ConnectionBroken extends Error {
  override name = 'TimeoutError';
  readonly code = 'ECONNRESET';
  constructor() {
    super('socket hang up');
  }
}

class Aborted extends Error {
  override name = 'AbortError';
  constructor() {
    super('Request aborted');
  }
}

/** What the SDK sends again by itself; a cancelled transaction and a refused condition are not among it. */
const sentAgain = new Set([
  'TimeoutError',
  'TransactionInProgressException',
  'ThrottlingException',
  'ProvisionedThroughputExceededException',
]);

/** A client of the SDK: every request may be sent several times, always as the very same request. */
export function clientOf(world: World, service: Service, sendings = world.sendings) {
  const once = async (sender: Invocation, command: { readonly input: object }, signal?: AbortSignal) =>
    new Promise<object>((resolve, reject) => {
      // The dead send nothing, and wait for ever.
      if (!sender.isAlive) return;
      const giveUp = () => reject(new Aborted());
      if (signal?.aborted) {
        giveUp();
        return;
      }
      signal?.addEventListener('abort', giveUp, { once: true });
      // Whoever gives up hears no answer any more. The request goes on.
      world.moments.push(new Exchange(world, sender, service, command, { resolve, reject }));
    });
  return {
    async send(
      command: { readonly input: object },
      { abortSignal }: { readonly abortSignal?: AbortSignal } = {},
    ): Promise<object> {
      const sender = world.sender();
      for (let sending = 1; ; sending += 1)
        try {
          return await once(sender, command, abortSignal);
        } catch (error) {
          if (error instanceof ConnectionBroken || error instanceof Aborted) world.unsure(command);
          if (sending >= sendings || !(error instanceof Error) || !sentAgain.has(error.name)) throw error;
          world.tally.count('SDK sends again');
          if (world.strikes(world.faults.forgotten, 'token forgotten', 128)) world.engine.forgetTokens();
        }
    },
  };
}
