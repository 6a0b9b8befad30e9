import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { operatorLimits } from '../runtime/dedup/operator-limits.js';
import { StoredText } from '../runtime/dynamodb/stored-text.js';
import { CliError } from './cli-error.js';
import {
  deadLetterCopy,
  deduplicationId,
  redriveAttributes,
  type DeadLetterCopy,
} from './dead-letter-copy.js';
import { HeldMessages } from './held-messages.js';
import { isSelected, type LetterSelection } from './letter-selection.js';
import { listedLetter, type ListedLetter } from './letter-table.js';
import { Pacer } from './pacer.js';
import { processedCopies } from './processed-keys.js';
import { redriveLanes, type Copies } from './redrive-order.js';

export interface RedriveOptions {
  readonly sqs: SQSClient;
  readonly dynamodb: DynamoDBClient;
  readonly consumerName: string;
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
  /** Undefined: the consumer keeps no receipts, so nothing can be known to be done. */
  readonly dedupTable?: string;
  /**
   * Messages whose first enqueue is longer ago are refused: a receipt of theirs may be gone (R8). Undefined: none is
   * too old.
   */
  readonly horizonSeconds?: number;
  /** Which dead letters: the others stay as they are. The limit counts what is sent. @default - all */
  readonly selection?: LetterSelection;
  readonly messagesPerSecond: number;
  /** How long what this process holds stays hidden after its death. */
  readonly visibilitySeconds: number;
  readonly dryRun: boolean;
  /** Stops after the message in hand. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (report: RedriveReport) => void;
}

export interface RedriveReport {
  readonly dryRun: boolean;
  /** Sent to the queue, and removed from the dead-letter queue. */
  redriven: number;
  /** Had been processed: removed, not sent. */
  done: number;
  /** Further copies of one of those: removed, not sent. */
  copies: number;
  /** Of the redriven ones, those sent without attributes for which their dead letters had no room. */
  bare: number;
  /** Of a dry run: what would be redriven. */
  readonly planned: ListedLetter[];
  /** Still in the dead-letter queue, each with the reason. */
  readonly kept: Map<string, Kept>;
  /** Not asked for, as far as they were looked at: they stay. */
  readonly passedBy: Set<string>;
  /**
   * Neither decided about: somebody else holds them, they are behind kept ones of their FIFO group, the limit is
   * reached, or it was interrupted.
   */
  left: number;
}

export interface Kept {
  readonly messageId: string;
  readonly key: string | undefined;
  readonly group: string | undefined;
  /** ISO 8601. */
  readonly firstEnqueue: string;
  /** Why it is not sent. */
  readonly refused: string;
  /** Why it is in the dead-letter queue. */
  readonly reason: string | undefined;
}

/** FIFO queues hand out at most this many of a group at a time. */
const groupWindow = 10;
const lanesAtOnce = 8;
/** SQS: what is wrong with one message, which says nothing of the others. */
const faultOfTheMessage =
  /^(InvalidMessageContents|InvalidParameterValue|InvalidAttributeValue)(Exception)?$/;

/**
 * Sends what is in a dead-letter queue to the consumer's queue again: bodies, attributes, keys and groups as they
 * were. The messages of a FIFO group are sent in order, each only after SQS has confirmed the one before.
 *
 * Guaranteed: a message is removed from the dead-letter queue only after SQS has taken it in, or after its receipt
 * was found. So none is lost when the process dies; the next run goes on where it stopped. Several may run at once.
 * What is sent twice by that is a copy with the same key, which the consumer recognises.
 *
 * Not guaranteed: any order on Standard queues, beyond that of sending; on FIFO the order of position beyond 10
 * messages of a group, because SQS shows no more of them at a time: from there on it is the order in which they were
 * dead-lettered.
 *
 * What comes back to the dead-letter queue while this runs is kept there: it would go round for ever.
 *
 * @throws CliError when the queues are of different kinds, and whatever the SDK throws.
 */
export async function redrive(options: RedriveOptions): Promise<RedriveReport> {
  const { sqs, queueUrl, deadLetterQueueUrl, visibilitySeconds, dryRun, signal } = options;
  const fifo = queueUrl.endsWith('.fifo');
  if (deadLetterQueueUrl.endsWith('.fifo') !== fifo)
    throw new CliError(
      `the queue ${queueUrl} and the dead-letter queue ${deadLetterQueueUrl} are of different kinds: give the two of one channel`,
    );
  const report: RedriveReport = {
    dryRun,
    redriven: 0,
    done: 0,
    copies: 0,
    bare: 0,
    planned: [],
    kept: new Map(),
    passedBy: new Set(),
    left: 0,
  };
  await using held = new HeldMessages(sqs, deadLetterQueueUrl, visibilitySeconds);
  const redrive = new Redrive(options, fifo, report, held);
  let patience = deadline(visibilitySeconds);
  let others = Infinity;
  while (signal?.aborted !== true) {
    const window = (await held.gather()).map(deadLetterCopy);
    const { fresh, undecided } = await redrive.window(window);
    const left = (await held.others()) + undecided;
    report.left = left;
    if (dryRun || redrive.isFull()) break;
    if (fresh > 0 || left < others) patience = deadline(visibilitySeconds);
    others = left;
    // Those in somebody else's hands: another redrive's, or one's that was killed. They come back when it lets go of
    // them.
    const over = fresh === 0 && (left === 0 || blocked(window, fifo) || Date.now() > patience);
    await held.release();
    if (over) break;
  }
  if (signal?.aborted === true) {
    await held.release();
    report.left = Math.max(0, (await held.others()) - report.kept.size - report.passedBy.size);
  }
  return report;
}

/** A reader that died lets go after the visibility timeout; SQS's counts lag behind. */
function deadline(visibilitySeconds: number): number {
  return Date.now() + visibilitySeconds * 1_000 + 5_000;
}

/** Whether kept messages hide the rest of their FIFO group. */
function blocked(window: readonly DeadLetterCopy[], fifo: boolean): boolean {
  const groups = Map.groupBy(window, ({ group }) => group);
  return fifo && [...groups.values()].some(({ length }) => length >= groupWindow);
}

class Redrive {
  readonly #pacer: Pacer;
  /** Identities that this run has sent. */
  readonly #sent = new Set<string>();
  /** Sends that were begun: lanes run side by side, and must not pass the limit together. */
  #granted = 0;

  readonly #options: RedriveOptions;
  readonly #fifo: boolean;
  readonly #report: RedriveReport;
  readonly #held: HeldMessages;

  constructor(options: RedriveOptions, fifo: boolean, report: RedriveReport, held: HeldMessages) {
    this.#options = options;
    this.#fifo = fifo;
    this.#report = report;
    this.#held = held;
    this.#pacer = new Pacer(options.messagesPerSecond);
  }

  /** Whether as many were sent as were asked for. */
  isFull(): boolean {
    return this.#granted >= (this.#options.selection?.limit ?? Infinity);
  }

  /**
   * @returns how many of the window this run had not seen before, and how many it has not decided about
   */
  async window(window: readonly DeadLetterCopy[]): Promise<{ fresh: number; undecided: number }> {
    const { dynamodb, dedupTable, consumerName, selection = {} } = this.#options;
    const { kept, passedBy } = this.#report;
    const fresh = window.filter(({ messageId }) => !kept.has(messageId) && !passedBy.has(messageId));
    const copies = fresh.filter((copy) => isSelected(selection, copy));
    for (const copy of fresh) if (!copies.includes(copy)) passedBy.add(copy.messageId);
    const ours: DeadLetterCopy[] = [];
    for (const copy of copies)
      if (copy.consumer !== undefined && copy.consumer !== consumerName)
        this.#keep([copy], `belongs to consumer '${copy.consumer}'`);
      else if (copy.unreadable)
        this.#keep([copy], 'its letter cannot be read: a newer version wrote it, or somebody else');
      else ours.push(copy);
    const processed =
      dedupTable === undefined
        ? new Set<DeadLetterCopy>()
        : await processedCopies(dynamodb, dedupTable, ours);
    const lanes = [...redriveLanes(ours, this.#fifo)];
    let undecided = ours.length;
    const worker = async (): Promise<void> => {
      for (let lane = lanes.shift(); lane !== undefined; lane = lanes.shift())
        for (const message of lane) {
          if (this.#options.signal?.aborted === true || this.isFull()) return;
          await this.#decide(message, processed);
          undecided -= message.length;
          this.#options.onProgress?.(this.#report);
        }
    };
    // All of them end before the caller is told: what one still sends is not let go of meanwhile.
    const ends = await Promise.allSettled(Array.from({ length: lanesAtOnce }, worker));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    return { fresh: fresh.length, undecided };
  }

  async #decide(copies: Copies, processed: ReadonlySet<DeadLetterCopy>): Promise<void> {
    const [first] = copies;
    if (copies.some((copy) => processed.has(copy))) {
      await this.#remove(copies);
      this.#report.done += 1;
      return;
    }
    if (this.#sent.has(first.identity)) {
      this.#keep(
        copies,
        'sent by this redrive and here again: it failed once more, or this is a further copy',
      );
      return;
    }
    const { horizonSeconds = Infinity } = this.#options;
    const firstEnqueue = Math.min(...copies.map((copy) => copy.firstEnqueue));
    if (Date.now() - firstEnqueue > horizonSeconds * 1_000) {
      this.#keep(
        copies,
        'past the horizon: if it was processed, its receipt may be gone, and it would act twice',
      );
      return;
    }
    this.#granted += 1;
    const refused = await this.#send(copies, firstEnqueue);
    if (refused !== undefined) {
      this.#granted -= 1;
      this.#keep(copies, refused);
      return;
    }
    await this.#remove(copies);
    this.#report.redriven += 1;
    this.#report.copies += copies.length - 1;
  }

  /** @returns why it cannot be sent, undefined when it was. */
  async #send(copies: Copies, firstEnqueue: number): Promise<string | undefined> {
    const { sqs, queueUrl, dryRun } = this.#options;
    const [first] = copies;
    // The copy that has come back most often carries the count to go on from.
    const last = copies.reduce((a, b) => ((b.letter?.redrives ?? 0) > (a.letter?.redrives ?? 0) ? b : a));
    const redrives = (last.letter?.redrives ?? 0) + 1;
    const body = await this.#bodyOf(last);
    if (body === undefined)
      return 'its body was too large for a dead letter, and where it was stored instead it is not any more';
    this.#sent.add(first.identity);
    if (last.letter?.withoutAttributes) this.#report.bare += 1;
    if (dryRun) {
      this.#report.planned.push(listedLetter(first));
      return undefined;
    }
    await this.#pacer.turn();
    try {
      await sqs.send(
        new SendMessageCommand({
          QueueUrl: queueUrl,
          MessageBody: body,
          MessageAttributes: redriveAttributes(last, body, firstEnqueue, redrives),
          MessageGroupId: last.group,
          MessageDeduplicationId: this.#fifo ? deduplicationId(last, redrives) : undefined,
        }),
      );
    } catch (error) {
      if (!(error instanceof Error) || !faultOfTheMessage.test(error.name)) throw error;
      return `the queue does not take it: ${error.message}`;
    }
    return undefined;
  }

  /** Undefined when it was stored beside its dead letter, and is not there. */
  async #bodyOf({ body, letter }: DeadLetterCopy): Promise<string | undefined> {
    const { dynamodb, dedupTable, consumerName } = this.#options;
    if (letter?.stored === undefined) return body;
    if (dedupTable === undefined) return undefined;
    return new StoredText(dynamodb, dedupTable, consumerName).read(letter.stored, operatorLimits());
  }

  async #remove(copies: readonly DeadLetterCopy[]): Promise<void> {
    if (this.#options.dryRun) return;
    for (const { message } of copies) await this.#held.remove(message);
  }

  #keep(copies: readonly DeadLetterCopy[], refused: string): void {
    for (const { messageId, letter, group, firstEnqueue } of copies)
      this.#report.kept.set(messageId, {
        messageId,
        key: letter?.key,
        group,
        firstEnqueue: new Date(firstEnqueue).toISOString(),
        refused,
        reason: letter?.reason,
      });
  }
}
