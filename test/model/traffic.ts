import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SendMessageCommandInput, SQSClient } from '@aws-sdk/client-sqs';
import { consumerOf } from './consumers.js';
import type { Accepted } from './engine.js';
import { clientOf, type Service } from './exchange.js';
import { InProcessQueue, type Delivery } from './in-process-queue.js';
import { InProcessSqs } from './in-process-sqs.js';
import { Invocation, type FunctionInstance } from './invocation.js';
import { tokenIn, type Intent } from './message-body.js';
import { resident } from './model-time.js';
import type { Letter, Oracle } from './oracle.js';
import type { Outside } from './outside.js';
import { RejectMessage } from './runtime-under-test.js';
import type { Nature, Scenario } from './scenario.js';
import type { Verdict } from './verdict.js';
import type { World } from './world.js';

const skewsMs = [0, 400_000, -400_000];
const flakyFailures = 2;

/** The producer, the queue with its dead-letter queue, and the function instances that Lambda keeps. */
export class Traffic {
  readonly queue: InProcessQueue;
  readonly deadLetters: InProcessQueue;
  /** Tokens that were ever dead-lettered with a reason. */
  readonly deadLettered = new Set<string>();
  /** Tokens whose turn a person has put off: sent anew from the dead-letter queue, or passed over. */
  readonly putOff = new Set<string>();
  /** Of these, those of aggregates that were passed over: they act behind those after them. */
  readonly skipped = new Set<string>();
  readonly sqs: Service;
  readonly #mended = new Set<string>();
  /** By message id. */
  readonly #tokens = new Map<string, string>();
  readonly #failuresLeft = new Map<string, number>();
  readonly #instances: (FunctionInstance | undefined)[];
  readonly #working = new Map<Delivery, Invocation>();
  readonly #copiesLeft: Intent[] = [];
  #isRedeployed = false;
  #sent = 0;
  #started = 0;

  constructor(
    private readonly world: World,
    private readonly scenario: Scenario,
    private readonly intents: readonly Intent[],
    private readonly verdict: Verdict,
    private readonly oracle: Oracle,
    private readonly outside: Outside,
  ) {
    const now = () => world.now;
    this.queue = new InProcessQueue('queue', scenario.fifo, now);
    this.deadLetters = new InProcessQueue('dead-letters', scenario.fifo, now);
    const sqs = new InProcessSqs([this.queue, this.deadLetters]);
    this.sqs = {
      start: (command, sender) => {
        const accepted = sqs.start(command);
        return { finish: () => this.#noteDeadLetters(command, sender, accepted) };
      },
    };
    this.#instances = Array.from({ length: scenario.instances }, () => undefined);
    for (const { token, nature } of intents)
      if (nature === 'flaky') this.#failuresLeft.set(token, flakyFailures);
  }

  get allSent(): boolean {
    return this.#sent === this.intents.length && this.#copiesLeft.length === 0;
  }

  /** The next message, or a copy of one before. */
  produce(): void {
    const { choices } = this.world;
    const copies = this.#copiesLeft.length;
    const next = this.intents[this.#sent];
    const intent =
      copies > 0 && (next === undefined || choices.chance(80))
        ? this.#copiesLeft.splice(choices.below(copies), 1)[0]
        : next;
    if (intent === undefined) return;
    if (intent === next) {
      this.#sent += 1;
      this.#copiesLeft.push(...Array.from({ length: intent.copies }, () => intent));
    }
    this.world.note(() => `sent ${intent.token} (${intent.nature}) to ${intent.lane}`);
    this.queue.send({ text: intent.text, group: intent.lane });
  }

  /** Whether an instance is idle and a message is visible. */
  get canDeliver(): boolean {
    return this.queue.hasVisible && this.#instances.some((one) => one?.isAlive !== true || !one.isBusy);
  }

  /**
   * Hands a batch to an idle instance, a new one where the last has died. @returns false when there is none, or
   * nothing to do.
   */
  deliver(): boolean {
    const { world } = this;
    const idle = [...this.#instances.entries()].filter(([, one]) => one?.isAlive !== true || !one.isBusy);
    const place = idle[world.choices.below(idle.length)];
    if (place === undefined) return false;
    const delivery = this.queue.receive(world.choices);
    if (delivery === undefined) return false;
    const [slot, present] = place;
    const instance = present?.isAlive === true ? present : this.#newInstance();
    this.#instances[slot] = instance;
    this.#invoke(instance, delivery);
    return true;
  }

  /** Deliveries whose consumer has ended, or has died. */
  get abandoned(): readonly Delivery[] {
    return this.queue.inFlight.filter((delivery) => this.#working.get(delivery)?.isAlive !== true);
  }
  get inFlight(): readonly Delivery[] {
    return this.queue.inFlight;
  }

  /**
   * Sends everything in the dead-letter queue anew, as SQS does: other ids, other sequence numbers.
   *
   * @param mended acts now.
   * @param apart in a message group of its own.
   */
  redrive(mended: boolean, apart = false): void {
    const letters = this.deadLetters.drain();
    for (const { text, group, attributes } of letters) {
      this.putOff.add(tokenIn(text));
      if (mended) this.#mended.add(tokenIn(text));
      this.queue.send({ text, group: apart ? `apart ${group}` : group, attributes });
    }
  }

  /**
   * The consumer is deployed anew: where it has skipped what fails, it stops there from now on, and the other way
   * round. Whoever is at work comes to its end.
   */
  redeploy(): void {
    this.#isRedeployed = true;
    for (const instance of this.#instances) if (instance?.isBusy === false) instance.isAlive = false;
  }
  get isRedeployed(): boolean {
    return this.#isRedeployed;
  }

  /** Whatever made messages fail is mended. */
  mend(natures: readonly Intent['nature'][]): void {
    for (const { token, nature } of this.intents)
      if (natures.includes(nature)) {
        this.#mended.add(token);
        this.#failuresLeft.delete(token);
      }
  }

  /** A person passes the message over at which a group stands still. */
  passedOver({ messageId, key = '' }: { readonly messageId: string; readonly key?: string }): void {
    const token = this.scenario.way === 'aggregate' ? this.#tokenAt(key) : this.#tokens.get(messageId);
    this.putOff.add(token ?? '');
    if (this.scenario.way === 'aggregate') this.skipped.add(token ?? '');
  }

  /** Whose place in a stream of an aggregate a key names. */
  #tokenAt(key: string): string | undefined {
    return this.intents.find(
      ({ group, source, version }) =>
        key.includes(`S:${group}`) && key.includes(source) && key.endsWith(`"${version}"]`),
    )?.token;
  }

  /** Ids under which a message was delivered. */
  idsOf(token: string): readonly string[] {
    return [...this.#tokens].flatMap(([id, its]) => (its === token ? [id] : []));
  }

  #kills(token: string, where: Nature): boolean {
    const nature = this.intents.find((intent) => intent.token === token)?.nature;
    if (nature !== where || this.#mended.has(token)) return false;
    this.world.tally.count('killed by a message');
    this.world.note(() => `  ! killed by ${token}`);
    this.world.sender().die();
    return true;
  }

  #newInstance(): FunctionInstance {
    const { world } = this;
    this.#started += 1;
    const dynamodb = clientOf(world, world.engine) as unknown as DynamoDBClient;
    const sqs = clientOf(world, this.sqs);
    return {
      name: `f${this.#started}`,
      handler: consumerOf(this.scenario.way, {
        engine: world.engine,
        deadLetterQueueUrl: this.deadLetters.url,
        dynamodb,
        sqs: sqs as unknown as SQSClient,
        attempt: (token) => this.#attempt(token),
        kills: (token, where) => this.#kills(token, where),
        isMended: (token) => this.#mended.has(token),
        refuses: (token) => this.oracle.onThrow(token),
        unhappy: this.scenario.unhappy && {
          ...this.scenario.unhappy,
          ...(this.#isRedeployed && {
            onFailure: this.scenario.unhappy.onFailure === 'skip' ? 'stop' : 'skip',
          }),
        },
        outside: this.outside,
        danger: async () => world.danger('in-handler', world.sender()),
        observe: (summary) => {
          world.sender().summary = summary;
        },
      }),
      skewMs: world.faults.skew ? (skewsMs[this.#started % skewsMs.length] ?? 0) : 0,
      isAlive: true,
      isBusy: false,
    };
  }

  #invoke(instance: FunctionInstance, delivery: Delivery): void {
    const { world } = this;
    const tokens = () => delivery.records.map(({ body }) => tokenIn(body)).join(' ');
    const invocation = new Invocation(world, instance, `${instance.name}/${tokens()}`);
    for (const { messageId, body } of delivery.records) this.#tokens.set(messageId, tokenIn(body));
    const ids = delivery.records.map(({ messageId }) => messageId);
    this.oracle.onBegin(invocation, ids);
    world.note(() => `delivered ${tokens()} to ${instance.name}`);
    instance.isBusy = true;
    this.#working.set(delivery, invocation);
    const context = { getRemainingTimeInMillis: () => invocation.remainingMs() };
    const over = () => {
      instance.isBusy = false;
      this.#working.delete(delivery);
      this.oracle.onEnd(invocation);
    };
    resident
      .run(invocation, async () => instance.handler({ Records: [...delivery.records] }, context))
      .then(
        ({ batchItemFailures }) => {
          if (!invocation.isAlive) return;
          const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
          const fire = async () => {
            const done = delivery.records.filter(({ messageId }) => !failed.has(messageId));
            await this.verdict.onAnswer(invocation, delivery.records, done);
            if (!world.strikes(world.faults.redelivery, 'acknowledgement lost', 40))
              this.queue.delete(
                delivery,
                done.map(({ messageId }) => messageId),
              );
            over();
            return false;
          };
          world.moments.push({ label: `${invocation.name} has answered`, fire });
        },
        (error: unknown) => {
          if (!invocation.isAlive) return;
          world.tally.count('invocation failed');
          world.note(() => `${invocation.name} failed: ${String(error)}`);
          over();
        },
      );
  }

  #attempt(token: string): void {
    if (this.#mended.has(token)) return;
    const nature = this.intents.find((intent) => intent.token === token)?.nature;
    const left = this.#failuresLeft.get(token) ?? 0;
    if (nature === 'poison' || left > 0) this.oracle.onThrow(token);
    if (nature === 'poison') throw new RejectMessage('poison');
    if (left === 0) return;
    this.#failuresLeft.set(token, left - 1);
    throw new Error('not now');
  }

  /** What is sent to the dead-letter queue is all that anybody will ever know of it. */
  async #noteDeadLetters(
    { input }: { readonly input: object },
    sender: Invocation,
    accepted: Accepted,
  ): Promise<object> {
    const answer = await accepted.finish();
    const { QueueUrl, MessageBody = '', MessageAttributes = {} } = input as SendMessageCommandInput;
    if (QueueUrl !== this.deadLetters.url) return answer;
    const token = tokenIn(MessageBody);
    const { reason = '', kind = '' } = JSON.parse(
      MessageAttributes.ExactlyOnce?.StringValue ?? '{}',
    ) as Partial<Letter>;
    this.world.note(() => `  dead-lettered ${token} (${kind}): ${reason}`);
    if (reason !== '') this.deadLettered.add(token);
    this.oracle.onLetter({ token, kind, reason, sender });
    return answer;
  }
}
