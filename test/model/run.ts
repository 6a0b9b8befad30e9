import type { Item } from './attribute-values.js';
import { TransactionCanceledException, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { consumerName, retentionSeconds } from './consumers.js';
import { Effects } from './effects.js';
import type { Engine } from './engine.js';
import { inProcessEngine } from './in-process-engine.js';
import { Invocation } from './invocation.js';
import { intentsOf, type Intent } from './message-body.js';
import { resident } from './model-time.js';
import { Operator, triesPerHead } from './operator.js';
import { armCrashPoints } from './runtime-under-test.js';
import { Oracle } from './oracle.js';
import { Outside } from './outside.js';
import { readings } from './readings.js';
import { Relay } from './relay.js';
import { killers, type Scenario, type WayName } from './scenario.js';
import type { Tally } from './tally.js';
import { Traffic } from './traffic.js';
import { Verdict } from './verdict.js';
import { World } from './world.js';

export interface RunOptions {
  readonly tally: Tally;
  /** Keeps what happened for the violation. */
  readonly traces?: boolean;
  /** Where the tables are. @default - in this process, new for this run */
  readonly engine?: Engine;
}

const jumpsMs = [1_000, 31_000, 310_000, 700_000, 900_000];
/** Receipt rows that stand there before the first message comes. */
const standing: Partial<Record<Intent['nature'], Item>> = {
  'in-progress': { status: { S: 'INPROGRESS' } },
  newer: { status: { S: 'COMPLETED' }, v: { N: '2' } },
  'done-before': { status: { S: 'COMPLETED' } },
};
/** What ends a lease, if it happens a few times. */
const leaseMs = 20_000;
/** Far more than any run needs that comes to rest. */
const maxSteps = 5_000;
const patience = 1_000;
/** Deliveries without any progress after which what is left waits for a person. */
const maxIdle = 20;

/**
 * One run of one scenario: a storm as long as its choices last, then calm until nothing is left to do. @throws
 * Violation
 */
export async function run(scenario: Scenario, options: RunOptions): Promise<void> {
  // The world needs the engine, and the engine asks the world for the time.
  const now = () => world.now;
  const staleness = () => (world.faults.stale && !world.isCalm ? world.choices.below(3) : 0);
  const throttles = (kind: 'read' | 'write') =>
    world.strikes(scenario.unhappy?.throttled === true, `${kind} throttled`, 24)
      ? ('ThrottlingException' as const)
      : undefined;
  const leavesOut = () => world.strikes(scenario.unhappy?.halves === true, 'key left unprocessed', 64);
  const engine = options.engine ?? inProcessEngine({ now, staleness, throttles, leavesOut });
  const effects = new Effects(engine, readings[scenario.way]);
  const world: World = new World({
    scenario,
    engine,
    effects,
    tally: options.tally,
    onUnsure: (command) => oracle.onUnsure(command),
    traces: options.traces === true,
  });
  const { way, fifo, spread, messages } = scenario;
  const intents = intentsOf(messages, engine.prefix, spread && way === 'aggregate' && fifo);
  const relay = new Relay(world);
  const outside = new Outside(world);
  const oracle: Oracle = new Oracle(world, scenario, intents, (token) => traffic.idsOf(token), outside);
  const verdict: Verdict = new Verdict(world, scenario, intents, relay, () => traffic, oracle);
  const traffic: Traffic = new Traffic(world, scenario, intents, verdict, oracle, outside);
  const operator = new Operator(world, traffic, outside);
  const play = new Play(
    world,
    traffic,
    verdict,
    relay,
    intents,
    way,
    scenario.unhappy && { oracle, operator },
  );

  armCrashPoints((point) => {
    const caller = resident.getStore();
    return caller instanceof Invocation ? caller.atCrashPoint(point) : undefined;
  });
  try {
    await play.whole();
  } finally {
    armCrashPoints(undefined);
  }
}

class Play {
  #steps = 0;
  #redrivesLeft = 2;

  constructor(
    private readonly world: World,
    private readonly traffic: Traffic,
    private readonly verdict: Verdict,
    private readonly relay: Relay,
    private readonly intents: readonly Intent[],
    private readonly way: WayName,
    /** Only in the unhappy half. */
    private readonly unhappy: { readonly oracle: Oracle; readonly operator: Operator } | undefined,
  ) {}

  async whole(): Promise<void> {
    const { world, traffic, verdict } = this;
    await this.#seed();
    while (!world.choices.exhausted && (await this.#stormStep()));
    world.isCalm = true;
    world.note(() => '--- calm ---');
    await this.#unblock();
    // What is parked has no message in the queue, so its cause is mended before the queue can come to rest.
    traffic.mend(this.way === 'aggregate' ? ['flaky', 'poison'] : ['flaky']);
    await this.#comeToRest();
    await this.#assertAllDurable('gone from the queue');
    this.unhappy?.oracle.assertBlame();
    traffic.mend([
      'poison',
      ...killers,
      ...(this.unhappy === undefined ? [] : (['sound', 'flaky'] as const)),
    ]);
    if (this.unhappy !== undefined) await this.#decideAll(this.unhappy.operator);
    do {
      if (world.unhappy?.once === true) await this.#unlockAll();
      traffic.redrive(true);
      await this.#comeToRest();
      // The letter of one that cannot be read has its group stopped again, and others parked behind it.
      if (this.unhappy !== undefined) await this.#decideAll(this.unhappy.operator);
    } while (world.unhappy?.once === true && this.unhappy?.operator.hasBlocked === true);
    await this.relay.send();
    await this.unhappy?.oracle.assertWhole();
    verdict.assertReceiptsSound();
    verdict.assertExactlyOnce();
    verdict.assertOrder();
    await verdict.assertWhole();
  }

  /** Everything is mended, and every group that stands still is decided about until none does. */
  async #decideAll(operator: Operator): Promise<void> {
    // Each copy of a message that cannot be read is a head of its own, which is tried again before it is passed over.
    for (let left = triesPerHead * this.traffic.queue.sent + 5; operator.hasWork; left -= 1) {
      if (left === 0) throw this.world.violated('a group stands still, whatever is decided about it');
      operator.decideAll();
      await this.#comeToRest();
    }
    await this.#assertAllDurable('drained');
  }

  async #unlockAll(): Promise<void> {
    this.unhappy?.operator.unlockAll();
    await this.#comeToRest();
  }

  /** But for what still stands in the queue, behind a group that does. */
  async #assertAllDurable(what: string): Promise<void> {
    const waiting = new Set(this.traffic.queue.texts);
    for (const { token, text } of this.intents)
      if (!waiting.has(text)) await this.verdict.assertDurable(token, what);
  }

  async #stormStep(): Promise<boolean> {
    const { world } = this;
    this.#countStep();
    const { moments, choices } = world;
    // Five of eight decisions let somebody go on, the others change what is around them.
    const around = choices.chance(96);
    const moment = moments[choices.below(moments.length)];
    if (moment !== undefined && !around) {
      await world.goOn(moment);
      return true;
    }
    const happenings = this.#happenings();
    const happening = happenings[choices.below(happenings.length)];
    await happening?.();
    await world.rest();
    return moment !== undefined || happening !== undefined;
  }

  /** What may happen around the consumers, the most ordinary first. */
  #happenings(): (() => Promise<void> | void)[] {
    const { world, traffic } = this;
    const { faults, choices } = world;
    const happenings: (() => Promise<void> | void)[] = [];
    if (!traffic.allSent)
      happenings.push(
        () => traffic.produce(),
        () => traffic.produce(),
      );
    if (!traffic.queue.isEmpty)
      happenings.push(
        () => void traffic.deliver(),
        () => void traffic.deliver(),
      );
    const releasable = faults.zombies ? traffic.inFlight : traffic.abandoned;
    const released = releasable[choices.below(releasable.length)];
    if (released !== undefined)
      happenings.push(() => {
        world.tally.count('visibility ended');
        world.note(() => 'visibility ends');
        traffic.queue.release(released);
        if (faults.redelivery && !traffic.queue.fifo && choices.chance(64)) traffic.queue.haunt(released);
      });
    if (faults.jumps)
      happenings.push(() => {
        world.now += jumpsMs[choices.below(jumpsMs.length)] ?? 0;
        world.note(() => `it is ${new Date(world.now).toISOString()}`);
      });
    if (world.unhappy?.once === true)
      happenings.push(() => {
        world.now += leaseMs;
      });
    if (faults.strangers && choices.chance(128)) happenings.push(() => this.#stranger());
    if (faults.relay && this.intents.some(({ kind }) => kind === 'publish'))
      happenings.push(async () => this.relay.send());
    if (faults.reaper) happenings.push(async () => this.#reap());
    if (this.unhappy !== undefined && world.unhappy?.operators === true && choices.chance(128))
      happenings.push(() => this.unhappy?.operator.decideOne(choices));
    if (world.unhappy?.redeploys === true && !traffic.isRedeployed && choices.chance(64))
      happenings.push(() => {
        world.tally.count('redeployed');
        world.note(() => 'deployed anew, with the other of skip and stop');
        traffic.redeploy();
      });
    if (faults.redrive && !traffic.deadLetters.isEmpty && this.#redrivesLeft > 0)
      happenings.push(() => {
        world.tally.count('redrive');
        world.note(() => 'redrive');
        this.#redrivesLeft -= 1;
        traffic.redrive(choices.chance(128));
      });
    return happenings;
  }

  /** Until nothing is under way and the queue is empty. Whoever cannot get there has lost a message to a loop. */
  async #comeToRest(): Promise<void> {
    const { world, traffic } = this;
    let [before, same] = ['', 0];
    for (;;) {
      this.#countStep();
      // What does not fit into a parking row waits in the queue, for as long as its group stands still.
      if (this.unhappy?.operator.hasWork === true && world.moments.length === 0) {
        const now = this.#progress();
        same = now === before ? same + 1 : 0;
        before = now;
        if (same > maxIdle) return;
      }
      // A stream that stands still parks what fits. The rest waits in the queue, and holds its group, until a person
      // has the head tried again.
      if (this.way === 'aggregate' && this.#steps % patience === 0) traffic.redrive(true, true);
      const [moment] = world.moments;
      const [abandoned] = traffic.abandoned;
      // An instance with `stop` that comes after one with `skip` lets 20 minutes pass before it stops a group.
      if (moment === undefined && world.unhappy?.redeploys === true) world.now += 60_000;
      if (moment !== undefined) await world.goOn(moment);
      else if (!traffic.allSent) traffic.produce();
      else if (traffic.deliver()) {
        if (world.unhappy?.once === true) world.now += leaseMs;
        await world.rest();
      } else if (abandoned !== undefined) traffic.queue.release(abandoned);
      else if (traffic.queue.isEmpty) return;
      else throw world.violated('the queue is not empty, and nothing can be delivered');
    }
  }

  /** Changes with whatever gets somewhere. */
  #progress(): string {
    const { engine, effects } = this.world;
    const rows = engine.rows?.(engine.names.receipts).filter(({ attention }) => attention !== undefined);
    return [effects.journal.length, this.traffic.queue.texts.length, JSON.stringify(rows)].join();
  }

  #countStep(): void {
    this.unhappy?.oracle.assertSound();
    this.#steps += 1;
    if (this.#steps > maxSteps) throw this.world.violated('stuck: the queue does not become empty');
  }

  /** A transaction of somebody else that looks at a row of ours, and changes nothing. */
  #stranger(): void {
    const { world } = this;
    const { engine, choices } = world;
    const intent = this.intents[choices.below(this.intents.length)];
    if (intent === undefined) return;
    const row = {
      TableName: engine.names.effects,
      Key: { name: { S: this.way === 'insert' ? intent.id : intent.group } },
    };
    const condition = {
      ConditionExpression: 'attribute_not_exists(#never)',
      ExpressionAttributeNames: { '#never': 'never' },
    };
    const command = new TransactWriteItemsCommand({
      TransactItems: [{ ConditionCheck: { ...row, ...condition } }],
    });
    try {
      const accepted = engine.start(command);
      const fire = async () => {
        await accepted.finish();
        return false;
      };
      world.moments.push({ label: `a stranger lets go of ${intent.group}`, fire });
      world.note(() => `a stranger holds ${intent.group}`);
      world.tally.count('stranger');
    } catch (error) {
      // One of ours is there already.
      if (!(error instanceof TransactionCanceledException)) throw error;
    }
  }

  /** DynamoDB deletes an expired row, within days. */
  async #reap(): Promise<void> {
    const { engine, choices, now, tally } = this.world;
    const intent = this.intents[choices.below(this.intents.length)];
    if (intent === undefined) return;
    const key = { id: { S: receiptOf(intent) } };
    const row = await engine.read(engine.names.receipts, key);
    if (row === undefined || Number(row.expiration?.N) * 1000 > now) return;
    await engine.remove(engine.names.receipts, key);
    tally.count('receipt reaped');
    this.world.note(() => `the receipt of ${intent.id} is deleted`);
    this.verdict.reaped.set(intent.id, (this.verdict.reaped.get(intent.id) ?? 0) + 1);
  }

  async #seed(): Promise<void> {
    const { engine, now } = this.world;
    const expiration = { N: String(Math.floor(now / 1000) + retentionSeconds) };
    for (const intent of this.intents) {
      const row = standing[intent.nature];
      if (row !== undefined)
        await engine.put(engine.names.receipts, { id: { S: receiptOf(intent) }, expiration, ...row });
    }
  }

  async #unblock(): Promise<void> {
    const { engine } = this.world;
    for (const intent of this.intents)
      if (intent.nature === 'in-progress' || intent.nature === 'newer')
        await engine.remove(engine.names.receipts, { id: { S: receiptOf(intent) } });
  }
}

function receiptOf({ id }: Intent): string {
  return `${consumerName}#${id}`;
}
