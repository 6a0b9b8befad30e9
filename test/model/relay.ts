import type { Item } from './attribute-values.js';
import type { World } from './world.js';

export interface SentEvent {
  readonly version: number;
  readonly token: string;
  /** The model's time. */
  readonly at: number;
}

/** How many versions may be missing before an event and it is still found. */
const farthest = 20;
/** A row stays for so long after the one behind it was sent: hardly more than a publisher's memory reaches back. */
const retentionMs = 31 * 60_000;

/**
 * Sends what is in the outbox, and deletes what was sent half an hour ago, but the newest rows, of which a read that
 * is behind may miss one: a version that is given twice shows even after the first one's row has gone.
 */
export class Relay {
  readonly #sent: SentEvent[] = [];
  #deleted = 0;

  constructor(private readonly world: World) {}

  /** Everything that is in the outbox now. */
  async send(): Promise<void> {
    const { engine, now } = this.world;
    // A version below which everything was deleted is new only if it was given twice.
    for (let version = 1; version <= this.#sent.length + farthest; version += 1) {
      const row = await engine.read(engine.names.outbox, this.#key(version));
      if (row?.data?.S === undefined) continue;
      const token = JSON.parse(row.data.S) as string;
      if (this.#sent.some((one) => one.version === version && one.token === token)) continue;
      this.#sent.push({ version, token, at: now });
      this.world.note(() => `relayed ${token} as version ${version}`);
    }
    await this.#expire();
  }

  /** All that was ever sent, by version. */
  async all(): Promise<readonly SentEvent[]> {
    await this.send();
    return [...this.#sent].sort((a, b) => a.version - b.version);
  }

  /** No request is under way for as long as a row stays: AWS takes none whose signature is older than minutes. */
  async #expire(): Promise<void> {
    const { engine, now, moments } = this.world;
    if (moments.some(({ label }) => label.includes('TransactWriteItems'))) return;
    for (const { version, at } of this.#sent.slice(0, -1)) {
      if (version - 1 <= this.#deleted || now - at < retentionMs) continue;
      this.#deleted = version - 1;
      this.world.tally.count('event expired');
      await engine.remove(engine.names.outbox, this.#key(version - 1));
    }
  }

  #key(version: number): Item {
    const { names, prefix } = this.world.engine;
    const stream = JSON.stringify(['model', '1', names.rows, `${prefix}book`]);
    return { stream: { S: stream }, version: { S: String(version).padStart(40, '0') } };
  }
}
