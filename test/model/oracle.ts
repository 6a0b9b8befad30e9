import { accountOf, overdrawn } from './handlers.js';
import type { Invocation } from './invocation.js';
import type { Intent } from './message-body.js';
import { killers, outsideKinds, type Scenario } from './scenario.js';
import type { Outside } from './outside.js';
import type { World } from './world.js';

/** What a dead letter says, and who sent it. */
export interface Letter {
  readonly token: string;
  readonly kind: string;
  readonly reason: string;
  readonly sender: Invocation;
}

/** A batch, in the invocation that has it. */
interface Run {
  readonly invocation: Invocation;
  readonly ids: readonly string[];
  /** What had ended when it began. */
  readonly after: ReadonlySet<Run>;
  /** How it has ended: in time, or when Lambda would have killed its process long before. */
  end?: 'in time' | 'late';
}

/** Lone starts of a message without a word after which it is held to be what kills (docs/decisions/0008). */
const deaths = 2;

/**
 * What must hold of every verdict that a consumer passes on a message: it is the message's own fault, it was its
 * turn, and it had not acted. Knows what the handlers did and what became durable, and nothing of how the runtime
 * comes to its verdicts.
 */
export class Oracle {
  readonly letters: Letter[] = [];
  readonly #failures = new Map<string, number>();
  /** Updates of which the sender does not know whether they were made. */
  #unsure = 0;
  /** Rows of messages that were known to be readable when an invocation began. */
  readonly #readable = new WeakMap<Invocation, ReadonlySet<string>>();
  readonly #runs: Run[] = [];
  #broken: string | undefined;

  constructor(
    private readonly world: World,
    private readonly scenario: Scenario,
    private readonly intents: readonly Intent[],
    /** Message ids under which a token was delivered. */
    private readonly idsOf: (token: string) => readonly string[],
    private readonly outside: Outside,
  ) {}

  /** A batch begins, of messages with these ids. */
  onBegin(invocation: Invocation, ids: readonly string[]): void {
    if (this.world.unhappy === undefined) return;
    const after = new Set(this.#runs.filter(({ end }) => end !== undefined));
    this.#runs.push({ invocation, ids, after });
    const rows = this.#historyRows.filter(({ readable }) => readable !== undefined);
    this.#readable.set(invocation, new Set(rows.map(({ id }) => id?.S ?? '')));
  }

  /** A batch has its answer. */
  onEnd(invocation: Invocation): void {
    const run = this.#runs.find((one) => one.invocation === invocation);
    if (run !== undefined) run.end = invocation.remainingMs() > 0 ? 'in time' : 'late';
  }

  /** A handler has thrown, of its own accord. */
  onThrow(token: string): void {
    this.#failures.set(token, (this.#failures.get(token) ?? 0) + 1);
  }

  /** The sender of a request does not know whether it was done, and may ask for it again. */
  onUnsure(command: object): void {
    if (command.constructor.name === 'UpdateItemCommand') this.#unsure += 1;
  }

  /** A dead letter has arrived. */
  onLetter(letter: Letter): void {
    const intent = this.intents.find(({ token }) => token === letter.token);
    const wrong =
      this.world.unhappy === undefined || intent === undefined ? undefined : this.#objection(letter, intent);
    this.letters.push(letter);
    if (wrong !== undefined) this.#broken ??= `${letter.token} (${intent?.nature}, ${intent?.kind}) ${wrong}`;
  }

  /**
   * @throws Violation when a verdict was wrong. Nothing could be thrown where it was passed: it would look like an
   * answer of SQS.
   */
  assertSound(): void {
    const broken = this.#broken ?? this.outside.broken;
    if (broken !== undefined) throw this.world.violated(broken);
  }

  /** Before anything is mended: who kills its process is known as such, and nobody else is. */
  assertBlame(): void {
    for (const { token, nature } of this.intents)
      if (killers.includes(nature) && this.#canBlame)
        for (const { kind, reason } of this.letters.filter((letter) => letter.token === token))
          if (kind !== 'died')
            throw this.world.violated(`the killer ${token} is dead-lettered as ${kind}: ${reason}`);
  }

  /** Waits in a row of the consumer's, whatever the row is like, for a person who decides about its group. */
  isParked(token: string): boolean {
    const { engine } = this.world;
    const rows = engine.rows?.(engine.names.receipts) ?? [];
    return rows.some((row) => {
      const text = JSON.stringify(row).replaceAll('\\', '');
      return text.includes(`"token":"${token}"`) || text.includes(`{broken ${token}|`);
    });
  }

  /**
   * What the rows say at the end: the accounts are the sum of what acted, and numbers are what the producer wrote.
   */
  async assertWhole(): Promise<void> {
    const { engine, effects } = this.world;
    if (this.scenario.way !== 'transaction') return;
    for (const group of new Set(this.intents.map((intent) => intent.group))) {
      const row = await engine.read(engine.names.rows, { name: { S: accountOf(group) } });
      const balance = this.#balance(group, effects.journal.length);
      if (Number(row?.balance?.N ?? 0) !== balance)
        throw this.world.violated(
          `the account of ${group} says ${row?.balance?.N}, and its messages ${balance}`,
        );
    }
    for (const { id, token, kind, digits } of this.intents) {
      const isOutside = (outsideKinds as readonly string[]).includes(kind);
      if (isOutside && effects.times(token) > 0 && this.outside.times(id) === 0)
        throw this.world.violated(`${token} has acted, and its effect (${kind}) has not happened`);
      if (digits === undefined || effects.times(token) === 0) continue;
      const row = await engine.read(engine.names.rows, { name: { S: `amount ${id}` } });
      if (row?.amount?.N !== digits)
        throw this.world.violated(`${token} says ${digits}, and ${row?.amount?.N} is stored`);
    }
  }

  #objection({ token, kind, reason, sender }: Letter, intent: Intent): string | undefined {
    const { journal } = this.world.effects;
    const { maxFailures = 1 } = this.world.unhappy ?? {};
    const isOld = journal.slice(0, sender.actedBefore).some((acted) => acted.token === token);
    const mayDie = killers.includes(intent.nature) || this.#mayPassForDead(token, sender);
    // One that may kill whoever reads it is not read, so its receipt cannot be looked for: that of a killer
    // which is mended, and where the slow may pass for dead.
    const isUnread = kind === 'died' && this.#mayBeUnreadable(token, sender);
    if (isOld && !(isUnread && (!this.#canBlame || mayDie)))
      return `is dead-lettered (${kind}: ${reason}), and had acted before`;
    const failures = this.#failures.get(token) ?? 0;
    // One that has its dead letter lives no longer to write down that it has lived.
    const isSecond = this.letters.some((before) => before.token === token);
    const isBlamed = kind === 'died' && this.#canBlame && !isSecond;
    if (isBlamed && !mayDie) return `is called dead, and has killed nobody`;
    // A note whose answer was lost is written again, and may count twice.
    if (kind === 'failed' && failures + this.#unsure < maxFailures)
      return `is dead-lettered after ${maxFailures} failures, and has failed ${failures} times itself: ${reason}`;
    if (kind === 'rejected' && failures === 0 && !this.#mayBeRefused(intent))
      return `is rejected, and nothing is wrong with it: ${reason}`;
    if (reason.includes(overdrawn)) return this.#objectionToReading(intent, sender);
    return undefined;
  }

  /** It has read an account, and there was nothing on it: so it must have been, in its turn. */
  #objectionToReading(intent: Intent, sender: Invocation): string | undefined {
    const empty = (from: number) => {
      const { length } = this.world.effects.journal;
      return Array.from({ length: length - from + 1 }, (_, i) => from + i).some(
        (at) => this.#balance(intent.group, at) < 1,
      );
    };
    if (!empty(sender.actedBefore))
      return `is refused as ${overdrawn}, and there was something on the account all the time`;
    if (!this.scenario.fifo) return undefined;
    const ahead = this.intents
      .slice(0, this.intents.indexOf(intent))
      .filter(({ lane }) => lane === intent.lane);
    const before = ahead.find((other) => !this.#isSettled(other.token));
    if (before !== undefined)
      return `is refused for what it read before the turn of ${before.token} was over`;
    if (!empty(Math.max(sender.actedBefore, ...ahead.map(({ token }) => this.#actedUntil(token)))))
      return `is refused as ${overdrawn}, and since its turn came there was something on the account`;
    return undefined;
  }

  /** Length of the journal when it had acted in its turn. */
  #actedUntil(token: string): number {
    const isPutOff = this.letters.some((letter) => letter.token === token);
    return isPutOff ? 0 : this.world.effects.journal.findIndex((acted) => acted.token === token) + 1;
  }

  #isSettled(token: string): boolean {
    return (
      this.world.effects.times(token) > 0 ||
      this.letters.some((letter) => letter.token === token) ||
      this.isParked(token)
    );
  }

  /** What is on the account of a group after so many have acted. */
  #balance(group: string, acted: number): number {
    const changes = this.world.effects.journal.slice(0, acted).map(({ token }) => {
      const intent = this.intents.find((one) => one.token === token);
      if (intent?.group !== group) return 0;
      if (intent.kind === 'deposit') return 1;
      return intent.kind === 'withdraw' || intent.kind === 'insist' ? -1 : 0;
    });
    return changes.reduce<number>((sum, change) => sum + change, 0);
  }

  /** Its body cannot be read, or its key has another payload too. */
  #mayBeRefused({ id, nature }: Intent): boolean {
    return nature === 'broken' || this.intents.filter((other) => other.id === id).length > 1;
  }

  /**
   * Whether it had been started alone, and nobody had written down that it could be read when the sender of its
   * letter began.
   */
  #mayBeUnreadable(token: string, sender: Invocation): boolean {
    const ids = this.idsOf(token).map((id) => `#${id}`);
    return this.#historyRows.some(
      ({ id, alone }) =>
        alone !== undefined &&
        ids.some((one) => id?.S?.endsWith(one)) &&
        this.#readable.get(sender)?.has(id?.S ?? '') !== true,
    );
  }

  /**
   * Whether as many deliveries of it as make a death had left no word when the sender of its letter looked. A run
   * whose time is over writes nothing down any more: Lambda would have killed it, with the message alone in it, and
   * here it lives. And what a Standard queue hands out while it is handed out elsewhere has a start in writing, and
   * not yet an end.
   */
  #mayPassForDead(token: string, sender: Invocation): boolean {
    const after = this.#runs.find(({ invocation }) => invocation === sender)?.after;
    const silent = this.#runs.filter((run) => {
      const { invocation, end } = run;
      if (invocation === sender || (end === undefined && !invocation.isAlive)) return false;
      return end === 'late' || after?.has(run) !== true;
    });
    return this.idsOf(token).some((id) => silent.filter(({ ids }) => ids.includes(id)).length >= deaths);
  }

  get #historyRows() {
    const { engine } = this.world;
    return engine.rows?.(engine.names.receipts) ?? [];
  }

  /** Processes die of nothing but killers, and visibility outlives whoever has a message. */
  get #canBlame(): boolean {
    const { crash, zombies, pauses } = this.scenario.faults;
    return !crash && !zombies && !pauses;
  }
}
