import { backoff } from '../../dedup/backoff.js';
import { ConnectRefused } from './errors.js';

/** Of a connector, or of a task. */
export interface PartStatus {
  readonly state: string;
  /** Such as `10.0.1.7:8083`. */
  readonly worker_id: string;
  readonly trace?: string;
}

export interface ConnectorStatus {
  readonly connector: PartStatus;
  readonly tasks: readonly PartStatus[];
}

export type ConnectorConfig = Readonly<Record<string, string>>;

/** A worker that is busy with a rebalance says 409, one whose leader does not answer 500. */
const busy: readonly (number | undefined)[] = [409, 500, 503, undefined];
const answerMs = 30_000;

/** Connect's REST API, as far as a connector needs it. */
export class ConnectRest {
  readonly #url: string;

  /** @param url such as `http://127.0.0.1:8083` */
  constructor(url: string) {
    this.#url = url;
  }

  /** Whether the worker has joined its group. Never throws. */
  async isReady(): Promise<boolean> {
    return this.#ask('GET', '/health').then(
      () => true,
      () => false,
    );
  }

  /**
   * Makes the connector, or changes it: nothing where its configuration is this one already, since Connect restarts
   * what it is told again. Asks again while the worker is busy.
   *
   * @returns whether it was made or changed
   * @throws ConnectRefused for a configuration that the connector refuses, or after `patienceMs`
   */
  async register(name: string, config: ConnectorConfig, patienceMs = 60_000): Promise<boolean> {
    const deadline = Date.now() + patienceMs;
    for (let attempt = 0; ; attempt += 1) {
      try {
        if (isSame(await this.#configOf(name), { ...config, name })) return false;
        await this.#ask('PUT', `/connectors/${encodeURIComponent(name)}/config`, config);
        return true;
      } catch (error) {
        const isBusy = error instanceof ConnectRefused && busy.includes(error.status);
        if (!isBusy || Date.now() >= deadline) throw error;
        await backoff(attempt, deadline);
      }
    }
  }

  /** @throws ConnectRefused, with 404 for a connector that is not there */
  async status(name: string): Promise<ConnectorStatus> {
    return (await this.#ask('GET', `/connectors/${encodeURIComponent(name)}/status`)) as ConnectorStatus;
  }

  /** Starts what has failed of the connector again, and nothing else. @throws ConnectRefused */
  async restartFailed(name: string): Promise<void> {
    const path = `/connectors/${encodeURIComponent(name)}/restart?includeTasks=true&onlyFailed=true`;
    await this.#ask('POST', path);
  }

  async #configOf(name: string): Promise<unknown> {
    return this.#ask('GET', `/connectors/${encodeURIComponent(name)}/config`).catch((error: unknown) => {
      if (error instanceof ConnectRefused && error.status === 404) return undefined;
      throw error;
    });
  }

  async #ask(method: string, path: string, body?: object): Promise<unknown> {
    const url = `${this.#url}${path}`;
    const answer = await fetch(url, {
      method,
      headers: { 'content-type': 'application/json' },
      signal: AbortSignal.timeout(answerMs),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }).catch((cause: unknown) => {
      throw new ConnectRefused(undefined, `Kafka Connect does not answer at ${url}`, { cause });
    });
    const text = await answer.text();
    if (!answer.ok)
      throw new ConnectRefused(
        answer.status,
        `Kafka Connect answered ${answer.status} to ${method} ${url}: ${text.slice(0, 2_000)}`,
      );
    return text === '' ? undefined : (JSON.parse(text) as unknown);
  }
}

function isSame(known: unknown, wanted: ConnectorConfig): boolean {
  if (typeof known !== 'object' || known === null) return false;
  const has = new Map(Object.entries(known));
  const wants = Object.entries(wanted);
  return has.size === wants.length && wants.every(([name, value]) => has.get(name) === value);
}
