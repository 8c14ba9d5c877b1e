/** The least that a value tells of itself. */
export interface Sized {
  readonly sizeBytes: number;
}

export interface Lease<Value> {
  readonly value: Value;
  /** Ends the use; the value may be evicted from then on. */
  release(): void;
}

export interface CacheStats {
  readonly entries: number;
  readonly bytes: number;
  readonly hits: number;
  readonly loads: number;
  readonly evictions: number;
}

/**
 * Values by key, the least recently used evicted first once they take more than `maxBytes`. A value in use stays, even
 * where that exceeds the budget: dropping it would free nothing, and the next user would load it a second time.
 * One load serves all who wait for it. A failed load is forgotten: the next use tries again.
 */
export class PromptCache<Value extends Sized> {
  readonly #load: (key: string) => Promise<Value>;
  readonly #maxBytes: number;
  readonly #dispose: (value: Value) => unknown;
  /** In order of last use. */
  readonly #entries = new Map<string, Entry<Value>>();
  #bytes = 0;
  #hits = 0;
  #loads = 0;
  #evictions = 0;

  /** @param dispose of a value that nobody gets any more, once its last user has released it */
  constructor(
    load: (key: string) => Promise<Value>,
    maxBytes: number,
    dispose: (value: Value) => unknown = () => {},
  ) {
    this.#load = load;
    this.#maxBytes = maxBytes;
    this.#dispose = dispose;
  }

  async acquire(key: string): Promise<Lease<Value>> {
    const entry = this.#entries.get(key) ?? this.#start(key);
    if (entry.value !== undefined) this.#hits++;
    entry.users++;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    const value = await entry.loading;
    let released = false;
    return {
      value,
      release: () => {
        if (released) return;
        released = true;
        entry.users--;
        if (entry.users === 0 && this.#entries.get(key) !== entry) this.#dispose(value);
        this.#evict();
      },
    };
  }

  /** Drops values by their keys. Whoever holds a lease keeps its value; nobody gets it any more. */
  forget(isForgotten: (key: string) => boolean): void {
    for (const [key, { value, users }] of this.#entries) {
      if (!isForgotten(key)) continue;
      this.#entries.delete(key);
      this.#bytes -= value?.sizeBytes ?? 0;
      if (value !== undefined && users === 0) this.#dispose(value);
    }
  }

  stats(): CacheStats {
    return {
      entries: this.#entries.size,
      bytes: this.#bytes,
      hits: this.#hits,
      loads: this.#loads,
      evictions: this.#evictions,
    };
  }

  #start(key: string): Entry<Value> {
    this.#loads++;
    const loading = this.#load(key).then(
      (value) => {
        // Forgotten while it was loading: for those who wait for it alone.
        if (this.#entries.get(key) !== entry) return value;
        entry.value = value;
        this.#bytes += value.sizeBytes;
        this.#evict();
        return value;
      },
      (error: unknown) => {
        if (this.#entries.get(key) === entry) this.#entries.delete(key);
        throw error;
      },
    );
    const entry: Entry<Value> = { loading, value: undefined, users: 0 };
    return entry;
  }

  #evict(): void {
    for (const [key, { value, users }] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) return;
      if (users > 0 || value === undefined) continue;
      this.#entries.delete(key);
      this.#bytes -= value.sizeBytes;
      this.#evictions++;
      this.#dispose(value);
    }
  }
}

interface Entry<Value> {
  readonly loading: Promise<Value>;
  /** undefined until it is loaded. */
  value: Value | undefined;
  /** Leases given or waited for. */
  users: number;
}
