/** Streams that one instance remembers, and pairs of a stream and a target. */
const most = 20_000;

/** Versions by name, of which the ones that were raised longest ago are forgotten. */
class Versions {
  readonly #versions = new Map<string, bigint>();

  get(name: string): bigint {
    return this.#versions.get(name) ?? 0n;
  }

  raise(name: string, version: bigint): void {
    const known = this.get(name);
    this.#versions.delete(name);
    this.#versions.set(name, known > version ? known : version);
    if (this.#versions.size <= most) return;
    const [oldest] = this.#versions.keys();
    if (oldest !== undefined) this.#versions.delete(oldest);
  }
}

/**
 * What this instance knows beyond doubt, so that it need not ask or send again. No guarantee rests on it: another
 * instance reads the marks, and sends again.
 */
export class InstanceMemory {
  readonly #sent = new Versions();
  readonly #accepted = new Versions();

  /** Up to which version every event of a stream was sent, and marked; 0: not known. */
  sent(stream: string): bigint {
    return this.#sent.get(stream);
  }

  markedSent(stream: string, version: bigint): void {
    this.#sent.raise(stream, version);
  }

  /** Up to which version a target has accepted a stream's events; 0: not known. */
  accepted(target: string, stream: string): bigint {
    return this.#accepted.get(`${target}\n${stream}`);
  }

  markAccepted(target: string, stream: string, version: bigint): void {
    this.#accepted.raise(`${target}\n${stream}`, version);
  }
}
