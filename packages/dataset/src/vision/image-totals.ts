import type { ImageFacts } from "@kilotune/image";
import { count } from "../excerpt.ts";
import { type Finding, warningAt } from "../reading.ts";
import type { ImageRow } from "./image-rows.ts";

/** Below this a side has fewer pixels than a backbone's patch or two. */
export const TINY_SIDE = 16;
/** Above this most of the time goes into throwing pixels away. */
export const HUGE_PIXELS = 20e6;

/** What can be said of a set's images together: sizes and kinds that stand out. */
export class ImageTotals {
  readonly #tiny = new Lines();
  readonly #huge = new Lines();
  readonly #grey = new Lines();
  readonly #colour = new Lines();
  readonly #alpha = new Lines();
  readonly #frames = new Lines();
  readonly #burnedIn = new Lines();

  add({ line }: ImageRow, { width, height, channels, frames, burnedIn }: ImageFacts): void {
    if (Math.min(width, height) < TINY_SIDE) this.#tiny.add(line);
    if (width * height > HUGE_PIXELS) this.#huge.add(line);
    if (channels !== null) (channels <= 2 ? this.#grey : this.#colour).add(line);
    if (channels === 2 || channels === 4) this.#alpha.add(line);
    if (frames > 1) this.#frames.add(line);
    if (burnedIn) this.#burnedIn.add(line);
  }

  findings(): Finding[] {
    const findings: Finding[] = [];
    const say = (lines: Lines, code: string, words: string, hint: string) => {
      if (lines.total === 0) return;
      const message = `${count(lines.total, "image")} ${words}: ${lines.listed()}.`;
      findings.push(warningAt({ line: lines.first, column: 0 }, code, message, hint));
    };
    say(
      this.#tiny,
      "image_tiny",
      `less than ${TINY_SIDE} pixels wide or high`,
      "A backbone sees them as a few patches: give the originals.",
    );
    say(
      this.#huge,
      "image_huge",
      `of more than ${HUGE_PIXELS / 1e6} million pixels`,
      "Scale them down once: every epoch reads them again.",
    );
    if (this.#grey.total > 0 && this.#colour.total > 0) {
      const [few, words] =
        this.#grey.total <= this.#colour.total ? [this.#grey, "in grey"] : [this.#colour, "in colour"];
      say(
        few,
        "image_channels",
        `${words}, unlike the others`,
        "Nothing to do if both kinds will come; else convert them.",
      );
    }
    say(
      this.#alpha,
      "image_alpha",
      "with four channels or an alpha channel",
      "Transparent parts get the backbone's background; inks are converted.",
    );
    say(
      this.#frames,
      "image_frames",
      "of several frames or pages",
      "Only the first is used: give the others as files of their own.",
    );
    say(
      this.#burnedIn,
      "image_burned_in",
      "that may show names or dates, as the file says",
      "Black them out before the images leave the house.",
    );
    return findings;
  }
}

class Lines {
  readonly #shown: number[] = [];
  total = 0;

  add(line: number): void {
    this.total++;
    if (this.#shown.length < 5) this.#shown.push(line);
  }

  get first(): number {
    return this.#shown[0] ?? 0;
  }

  listed(): string {
    return `line ${this.#shown.join(", ")}${this.total > this.#shown.length ? " and so on" : ""}`;
  }
}
