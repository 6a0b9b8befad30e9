import type { Item } from './attribute-values.js';
import type { World } from './world.js';

export interface SentEvent {
  readonly version: number;
  readonly token: string;
}

/** How many versions may be missing before an event and it is still found. */
const farthest = 20;

/**
 * Sends what is in the outbox, and deletes it: a version that is given twice shows even after the first one's row has
 * gone.
 */
export class Relay {
  readonly #sent: SentEvent[] = [];

  constructor(private readonly world: World) {}

  /** Everything that is in the outbox now. */
  async send(): Promise<void> {
    const { engine } = this.world;
    const stream = JSON.stringify(['model', '1', `${engine.prefix}book`]);
    for (let version = 1; version <= this.#sent.length + farthest; version += 1) {
      const key: Item = { stream: { S: stream }, version: { S: String(version).padStart(40, '0') } };
      const row = await engine.read(engine.names.outbox, key);
      if (row === undefined) continue;
      const { data: token } = JSON.parse(row.event?.S ?? '{}') as { data: string };
      this.#sent.push({ version, token });
      this.world.note(() => `relayed ${token} as version ${version}`);
      await engine.remove(engine.names.outbox, key);
    }
  }

  /** All that was ever sent, by version. */
  async all(): Promise<readonly SentEvent[]> {
    await this.send();
    return [...this.#sent].sort((a, b) => a.version - b.version);
  }
}
