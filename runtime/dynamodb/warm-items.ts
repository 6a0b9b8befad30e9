/**
 * Items that this instance saw last, least recently used first out, bounded by their size. Each is only a guess at
 * what is stored.
 */
export class WarmItems<Item> {
  readonly #items = new Map<string, { readonly item: Item; readonly bytes: number }>();
  #bytes = 0;
  readonly #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(id: string): Item | undefined {
    const entry = this.#items.get(id);
    if (entry === undefined) return undefined;
    this.#items.delete(id);
    this.#items.set(id, entry);
    return entry.item;
  }

  set(id: string, item: Item, bytes: number): void {
    this.delete(id);
    this.#items.set(id, { item, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#items.keys()) {
      if (this.#bytes <= this.#maxBytes) return;
      this.delete(oldest);
    }
  }

  delete(id: string): void {
    const entry = this.#items.get(id);
    if (entry === undefined) return;
    this.#items.delete(id);
    this.#bytes -= entry.bytes;
  }
}
