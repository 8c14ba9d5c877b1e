import type { FiguresEvaluation, FiguresScore } from "@kilotune/contract";
import type { Span } from "@kilotune/dataset";
import { spansOfTags } from "@kilotune/heads";
import { scoreSpans } from "@kilotune/tuner";

/** What is said of one text, beside what is true of it: a tag for each of the row's own tokens. */
export interface TagOutcome {
  readonly text: string;
  readonly tokens: readonly Span[];
  readonly expected: readonly string[];
  readonly answered: readonly string[];
}

export function spanScore(outcomes: readonly TagOutcome[]): FiguresScore {
  const { f1, macroF1, precision, recall } = scored(outcomes);
  return { rows: outcomes.length, main: "f1", figures: { f1, macroF1, precision, recall } };
}

/** Of one text alone, 0..1: what a paired test compares. */
export function scoreOfText(outcome: TagOutcome): number {
  const { support, f1 } = scored([outcome]);
  return support === 0 && spansOfTags(outcome.answered).length === 0 ? 1 : f1;
}

export function spanFindings(outcomes: readonly TagOutcome[]): FiguresEvaluation {
  const { f1, macroF1, precision, recall, perName } = scored(outcomes);
  return {
    rows: outcomes.length,
    figures: Object.entries({ f1, macroF1, precision, recall }).map(([name, value]) => ({ name, value })),
    tables: [
      {
        title: "Spans by name",
        about: "A span counts where its name, its beginning and its end are right.",
        columns: ["name", "precision", "recall", "F1", "spans"],
        rows: perName.map((each) => [each.name, each.precision, each.recall, each.f1, each.support]),
      },
    ],
    mistakes: outcomes
      .map((outcome) => ({ outcome, score: scoreOfText(outcome) }))
      .filter(({ score }) => score < 1)
      .sort((a, b) => a.score - b.score)
      .slice(0, MISTAKES)
      .map(({ outcome }) => ({
        text: outcome.text,
        wanted: inWords(outcome, outcome.expected),
        given: inWords(outcome, outcome.answered),
      })),
  };
}

const MISTAKES = 40;

function scored(outcomes: readonly TagOutcome[]) {
  return scoreSpans(
    outcomes.map(({ expected }) => expected),
    outcomes.map(({ answered }) => answered),
  );
}

/** `city: New York; time: 4pm` */
function inWords({ text, tokens }: TagOutcome, tags: readonly string[]): string {
  const spans = spansOfTags(tags).map(
    ({ name, start, end }) => `${name}: ${text.slice(tokens[start]?.[0], tokens[end - 1]?.[1])}`,
  );
  return spans.join("; ") || "none";
}
