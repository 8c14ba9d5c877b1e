import type { Session } from "@kilotune/engine";

/**
 * The serving graph, and beside it the one with LoRA's products: opened when the first prompt needs it, so that whoever has none
 * pays neither its memory nor its time.
 */
export class ServeSessions {
  readonly #open: (lora: boolean) => Promise<Session>;
  readonly #plain: Session;
  #lora: Promise<Session> | undefined;

  private constructor(open: (lora: boolean) => Promise<Session>, plain: Session) {
    this.#open = open;
    this.#plain = plain;
  }

  static async open(open: (lora: boolean) => Promise<Session>): Promise<ServeSessions> {
    return new ServeSessions(open, await open(false));
  }

  async of(lora: boolean): Promise<Session> {
    if (!lora) return this.#plain;
    this.#lora ??= this.#open(true).catch((error: unknown) => {
      // The next one tries again.
      this.#lora = undefined;
      throw error;
    });
    return this.#lora;
  }

  async release(): Promise<void> {
    const lora = await this.#lora?.catch(() => undefined);
    await Promise.all([this.#plain.release(), lora?.release()]);
  }
}
