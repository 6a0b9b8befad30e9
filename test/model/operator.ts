import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Choices } from './choices.js';
import { consumerName, retentionSeconds } from './consumers.js';
import { clientOf } from './exchange.js';
import { Invocation } from './invocation.js';
import { resident } from './model-time.js';
import type { Outside } from './outside.js';
import {
  effectsOf,
  listBlocked,
  listGroups,
  resumeGroup,
  skipHead,
  unlock,
  type StoppedGroup,
} from './runtime-under-test.js';
import type { Traffic } from './traffic.js';
import type { World } from './world.js';

/** Further tries at one head before it is passed over. */
const patience = 2;
/** Decisions about one head, the last of which passes it over. */
export const triesPerHead = patience + 1;

interface Terminal {
  readonly name: string;
  readonly table: { readonly client: DynamoDBClient; readonly tableName: string };
  readonly sqs: SQSClient;
}

/**
 * A person who looks for stopped groups and decides about them. Requests get lost on this way too, and then nothing
 * is said.
 */
export class Operator {
  readonly #tries = new Map<string, number>();
  #count = 0;

  constructor(
    private readonly world: World,
    private readonly traffic: Traffic,
    private readonly outside: Outside,
  ) {}

  /** Whether a group waits for a person, by what is listed for one. */
  get hasWork(): boolean {
    return this.#isListed(this.#consumer);
  }

  /** Whether an effect is blocked. */
  get hasBlocked(): boolean {
    return this.#isListed(effectsOf(this.#consumer));
  }

  /** Looks up what became of each blocked effect, and says so. Nothing is on its way to the other side any more. */
  unlockAll(): void {
    this.#atWork(async ({ table }) => {
      for await (const { id } of listBlocked(table, this.#consumer)) {
        const key = id.slice(id.lastIndexOf('#') + 1);
        const [effect, reason] = [{ id }, 'model'];
        this.world.tally.count('operator unlock');
        const found = this.outside.find(key);
        const outcome = found.kind === 'done' ? found : ({ kind: 'not-done' } as const);
        await unlock(table, { effect, outcome, reason, retentionSeconds });
      }
    });
  }

  /** Resumes or skips, of the groups that stand still, one. */
  decideOne(choices: Choices): void {
    const [which, skips] = [choices.below(3), choices.chance(80)];
    this.#decide((_, i) => (i === which ? (skips ? 'skip' : 'resume') : undefined));
  }

  /** Resumes all; passes over a head that has been tried again in vain. */
  decideAll(): void {
    this.#decide(({ stream, head }) => {
      const id = `${stream} ${head.messageId}`;
      const tries = (this.#tries.get(id) ?? 0) + 1;
      this.#tries.set(id, tries);
      return tries > patience ? 'skip' : 'resume';
    });
  }

  #isListed(whose: string): boolean {
    const { engine } = this.world;
    return (engine.rows?.(engine.names.receipts) ?? []).some(({ attention }) => attention?.S === whose);
  }

  get #consumer(): string {
    return `${this.world.engine.prefix}${consumerName}`;
  }

  #decide(choose: (group: StoppedGroup, i: number) => 'resume' | 'skip' | undefined): void {
    const { world, traffic } = this;
    this.#atWork(async ({ name, table, sqs }) => {
      let i = 0;
      for await (const group of listGroups(table, this.#consumer)) {
        const how = choose(group, i);
        i += 1;
        if (how === undefined) continue;
        world.tally.count(`operator ${how}`);
        world.note(() => `${name} ${how}s ${group.stream}`);
        // Before: the request may act although its answer is lost.
        if (how === 'skip') traffic.passedOver(group.head);
        const decision = { consumerName: this.#consumer, stream: group.stream, reason: 'model' };
        await (how === 'skip' ? skipHead : resumeGroup)(table, sqs, decision);
      }
    });
  }

  /** A person at a terminal, until the work is done or a request of it has failed. */
  #atWork(work: (terminal: Terminal) => Promise<void>): void {
    const { world, traffic } = this;
    this.#count += 1;
    const name = `operator${this.#count}`;
    const handler = () => Promise.reject(new Error('an operator is no function'));
    const instance = { name, handler, skewMs: 0, isAlive: true, isBusy: true };
    // The SDK's paginators ask for an instance.
    const client = Object.assign(
      Object.create(DynamoDBClient.prototype) as DynamoDBClient,
      clientOf(world, world.engine),
    );
    const sqs = clientOf(world, traffic.sqs) as unknown as SQSClient;
    const table = { client, tableName: world.engine.names.receipts };
    resident
      .run(new Invocation(world, instance, name), async () => work({ name, table, sqs }))
      .catch((error: unknown) => world.note(() => `${name} failed: ${String(error)}`));
  }
}
