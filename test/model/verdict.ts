import type { SQSRecord } from 'aws-lambda';
import type { Invocation } from './invocation.js';
import { tokenIn, type Intent } from './message-body.js';
import type { Oracle } from './oracle.js';
import type { Relay } from './relay.js';
import type { Scenario } from './scenario.js';
import type { Traffic } from './traffic.js';
import type { World } from './world.js';

/** What must hold. Knows the producer's intents and sees the tables, and nothing of how the runtime does it. */
export class Verdict {
  /** How often a receipt was deleted after its end: each time its message may act once more. */
  readonly reaped = new Map<string, number>();

  constructor(
    private readonly world: World,
    private readonly scenario: Scenario,
    private readonly intents: readonly Intent[],
    private readonly relay: Relay,
    private readonly traffic: () => Traffic,
    private readonly oracle: Oracle,
  ) {}

  /** A batch was answered: nothing is acknowledged that is not durable, and what is said of it is true. */
  async onAnswer(
    invocation: Invocation,
    records: readonly SQSRecord[],
    done: readonly SQSRecord[],
  ): Promise<void> {
    this.assertReceiptsSound();
    for (const { body } of done)
      if (tokenIn(body) !== '') await this.assertDurable(tokenIn(body), 'acknowledged');
    this.#assertTold(invocation, records, done);
  }

  /**
   * Acted, kept for later, dead-lettered with a reason; or, where the position alone decides, another payload took
   * its place.
   */
  async assertDurable(token: string, what: string): Promise<void> {
    const { effects, engine } = this.world;
    if (effects.times(token) > 0 || this.traffic().deadLettered.has(token)) return;
    const intent = this.#intent(token);
    const rivals = this.#rivals(intent);
    if (rivals.some(({ nature }) => nature === 'done-before')) return;
    if (this.scenario.way === 'aggregate') {
      const row = await engine.read(engine.names.effects, { name: { S: intent.group } });
      if (rivals.some((rival) => this.world.effects.holds(row, rival.token))) return;
      if (rivals.some((rival) => effects.times(rival.token) > 0)) return;
    }
    // What an item has no room for waits in a row of its own.
    const mayBeBeside = this.world.unhappy !== undefined || this.scenario.way === 'aggregate';
    if (mayBeBeside && this.oracle.isParked(token)) return;
    throw this.world.violated(`${token} (${intent.nature}) is ${what}, and nothing is durable`);
  }

  assertReceiptsSound(): void {
    const { broken } = this.world.effects;
    if (broken !== undefined) throw this.world.violated(broken);
  }

  /** Every intent has acted once, but for those that never can: they are dead letters. */
  assertExactlyOnce(): void {
    for (const intent of this.intents) {
      const { nature, token, id } = intent;
      const rivals = this.#rivals(intent);
      const times = rivals.reduce((sum, rival) => sum + this.world.effects.times(rival.token), 0);
      if (nature === 'broken') {
        if (times > 0) throw this.world.violated(`${token} has acted and cannot even be read`);
        continue;
      }
      const done = rivals.some((rival) => rival.nature === 'done-before');
      const most = done ? 0 : 1 + (this.reaped.get(id) ?? 0);
      const least = Math.min(1, most);
      const acted = `${rivals.map((rival) => rival.token).join(' or ')} has acted ${times} times`;
      if (times < least) throw this.world.violated(`lost: ${acted}`);
      if (times > most) throw this.world.violated(`doubled: ${acted}`);
    }
  }

  /**
   * FIFO: in the order of the group, but for those that came back from the dead-letter queue. Aggregates: by version.
   */
  assertOrder(): void {
    const { way, fifo } = this.scenario;
    const ordered = this.intents.filter(
      ({ token, nature }) => nature !== 'reused' || this.world.effects.times(token) > 0,
    );
    const lanes =
      way === 'aggregate'
        ? Map.groupBy(ordered, ({ group, source }) => `${group} ${source}`)
        : Map.groupBy(ordered, ({ lane }) => (fifo ? lane : ''));
    if (way !== 'aggregate' && !fifo) return;
    // A stopped group keeps the place of the message at which it stopped, until a person puts it off.
    const { putOff, deadLettered, skipped } = this.traffic();
    const { onFailure, redeploys } = this.world.unhappy ?? {};
    const outOfTurn =
      redeploys === true
        ? new Set([...putOff, ...deadLettered])
        : onFailure === 'stop'
          ? putOff
          : deadLettered;
    const passed = redeploys ? new Set([...skipped, ...deadLettered]) : skipped;
    for (const lane of lanes.values()) {
      const commits = lane
        .filter((intent) =>
          way === 'aggregate'
            ? // A version that was passed over is a hole: whichever payload of it comes back acts late.
              !this.#rivals(intent).some(({ token }) => passed.has(token))
            : !outOfTurn.has(intent.token),
        )
        .flatMap(({ token, version }) => {
          const at = this.world.effects.journal.findIndex((acted) => acted.token === token);
          return at < 0 ? [] : [{ token, at: this.#moment(at), version: Number(version) }];
        });
      for (const [i, { token, at, version }] of commits.entries()) {
        const before = commits[i - 1];
        if (before === undefined || before.at <= at) continue;
        if (way === 'aggregate' && before.version === version) continue;
        throw this.world.violated(`out of order: ${token} acted before ${before.token}`);
      }
    }
  }

  /** What the rows say, beside their tokens: unkeyed sums, and what the state of an aggregate says of itself. */
  async assertWhole(): Promise<void> {
    const { engine } = this.world;
    const read = async (table: string, name: string) => engine.read(table, { name: { S: name } });
    const shop = await read(engine.names.rows, `${engine.prefix}shop`);
    if (this.scenario.way === 'transaction') {
      const sum = await read(engine.names.rows, `${engine.prefix}sum`);
      for (const [name, value, kind] of [
        ['shop', shop?.total, 'shared'],
        ['reader', sum?.sum, 'get'],
      ] as const) {
        const acted = this.#acted(kind).length;
        if (Number(value?.N ?? 0) !== acted)
          throw this.world.violated(`the ${name} counted ${value?.N ?? 0}, ${acted} messages were to count`);
      }
      await this.#assertPublished();
    }
    for (const group of new Set(this.intents.map((intent) => intent.group))) {
      const row = this.scenario.way === 'aggregate' ? await read(engine.names.effects, group) : undefined;
      const marks = (row?.marks?.L ?? []).map(({ S }) => `${S} `).join('');
      if (marks !== (row?.log?.S ?? ''))
        throw this.world.violated(`${group} says ${row?.log?.S} and marks ${marks}`);
    }
  }

  /** Each that acted has published once, in the order of the commits. */
  async #assertPublished(): Promise<void> {
    const sent = await this.relay.all();
    const acted = this.#acted('publish');
    if (
      sent
        .map(({ token }) => token)
        .sort()
        .join(' ') !== [...acted].sort().join(' ')
    )
      throw this.world.violated(
        `acted ${acted.join(' ')}, published ${sent.map(({ token }) => token).join(' ')}`,
      );
    const gap = sent.findIndex(({ version }, i) => version !== i + 1);
    if (gap >= 0) throw this.world.violated(`event ${gap + 1} has version ${sent[gap]?.version}`);
    const commits = sent.map(({ token }) => this.#commitOf(token));
    if (commits.some((commit, i) => commit < (commits[i - 1] ?? 0)))
      throw this.world.violated('events are out of the order of their commits');
  }

  /** Tokens of one kind, each as often as it acted. */
  #acted(kind: Intent['kind']): string[] {
    return this.world.effects.journal
      .filter(({ token }) => this.#intent(token).kind === kind)
      .map(({ token }) => token);
  }

  #commitOf(token: string): number {
    return this.world.effects.journal.find((acted) => acted.token === token)?.commit ?? 0;
  }

  /** Aggregates append within one write, so there the place in the journal counts; a pack acts at one moment. */
  #moment(at: number): number {
    return this.scenario.way === 'aggregate' ? at : (this.world.effects.journal[at]?.commit ?? 0);
  }

  /**
   * What the consumer reports of its own commits is so: who made an effect says "processed", and nobody else does
   * (R12).
   */
  #assertTold(invocation: Invocation, records: readonly SQSRecord[], done: readonly SQSRecord[]): void {
    const { summary } = invocation;
    if (summary === undefined) throw this.world.violated('a batch was answered and not reported');
    const here = new Set(records.map(({ body }) => tokenIn(body)));
    const handedBack = new Set(
      records.filter((record) => !done.includes(record)).map(({ body }) => tokenIn(body)),
    );
    const own = this.world.effects.journal.filter(
      ({ author, token }) => author === invocation && here.has(token),
    );
    const made = new Set(own.map(({ token }) => token));
    const told = new Set(
      own
        .filter(({ token, wasParked }) => !wasParked && !handedBack.has(token))
        .map(({ token }) => token)
        .filter((token) => !this.#coveredUp(token, invocation))
        // A sending that was late acts when the receipt is deleted, by which its sender has been told "duplicate" by
        // the next one.
        .filter((token) => !this.reaped.has(this.#intent(token).id)),
    );
    // A message that had a group drained is itself processed, and makes nobody act.
    const nudges = records.filter(({ body }) => tokenIn(body) === '').length;
    if (summary.processed > made.size + nudges)
      throw this.world.violated(
        `${invocation.name} reports ${summary.processed} processed and made ${made.size} act`,
      );
    if (summary.processed + summary.parked < told.size)
      throw this.world.violated(
        `${invocation.name} made ${[...told].join(' ')} act and reports fewer as processed`,
      );
  }

  /**
   * Aggregates: somebody else has written the item since. Whoever had lost the answer then finds a stranger's token
   * and its own position, and cannot know that it was the one; it says "duplicate".
   */
  #coveredUp(token: string, invocation: Invocation): boolean {
    const { journal, writes } = this.world.effects;
    const { group } = this.#intent(token);
    const at = journal.findIndex((acted) => acted.token === token);
    return (
      this.scenario.way === 'aggregate' &&
      writes.some(({ name, author, acted }) => acted > at && author !== invocation && name === group)
    );
  }

  /** All payloads under one identity. */
  #rivals({ id, group, source, version }: Intent): readonly Intent[] {
    return this.intents.filter((other) =>
      this.scenario.way === 'aggregate'
        ? other.group === group && other.source === source && other.version === version
        : other.id === id,
    );
  }

  #intent(token: string): Intent {
    const found = this.intents.find((intent) => intent.token === token);
    if (found === undefined)
      throw new Error(`no intent has the token '${token}'; this is a defect of the test`);
    return found;
  }
}
