import type { Session } from "@kilotune/engine";

/**
 * The serving graph, and beside it those with additions to the layers' products, by their kind: each opened when the first prompt
 * needs it, so that whoever has none pays neither its memory nor its time.
 */
export class ServeSessions<Kind extends string> {
  readonly #open: (added: Kind | undefined) => Promise<Session>;
  readonly #plain: Session;
  readonly #others = new Map<Kind, Promise<Session>>();

  private constructor(open: (added: Kind | undefined) => Promise<Session>, plain: Session) {
    this.#open = open;
    this.#plain = plain;
  }

  static async open<Kind extends string>(
    open: (added: Kind | undefined) => Promise<Session>,
  ): Promise<ServeSessions<Kind>> {
    return new ServeSessions(open, await open(undefined));
  }

  async of(added: Kind | undefined): Promise<Session> {
    if (added === undefined) return this.#plain;
    const standing = this.#others.get(added);
    if (standing !== undefined) return standing;
    const opening = this.#open(added).catch((error: unknown) => {
      // The next one tries again.
      this.#others.delete(added);
      throw error;
    });
    this.#others.set(added, opening);
    return opening;
  }

  async release(): Promise<void> {
    const others = [...this.#others.values()].map((each) => each.catch(() => undefined));
    const opened = await Promise.all(others);
    await Promise.all([this.#plain, ...opened].map((session) => session?.release()));
  }
}
