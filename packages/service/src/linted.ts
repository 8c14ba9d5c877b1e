import { KilotuneError, type LintIssue } from "@kilotune/contract";

/** Reads a file as it comes and says what is wrong with it. It may stop early, where the rest can't be read. */
export type Lint = (chunks: AsyncIterable<Uint8Array>) => Promise<readonly LintIssue[]>;

/**
 * The same bytes, read by `lint` as they pass. Ends in an error instead of its end where the linter found one, so that
 * whoever stores them stores nothing. Memory is a chunk: the linter holds the stream up.
 *
 * @throws KilotuneError `invalid_training_file` with `issues`
 */
export async function* linted(bytes: AsyncIterable<Uint8Array>, lint: Lint): AsyncGenerator<Uint8Array> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const linting = lint(readable);
  // Looked at below; without this an error in the meantime would end the process.
  linting.catch(() => {});
  const writer = writable.getWriter();
  writer.closed.catch(() => {});
  let stopped = false;
  try {
    for await (const chunk of bytes) {
      await writer.write(chunk).catch(() => {
        stopped = true;
      });
      if (stopped) break;
      yield chunk;
    }
  } finally {
    await writer.close().catch(() => {});
  }
  const issues = await linting;
  if (issues.length > 0) throw invalidFile(issues);
  if (stopped) throw new Error("a linter that stops early says why");
}

function invalidFile(issues: readonly LintIssue[]): KilotuneError {
  const [first] = issues as readonly [LintIssue, ...LintIssue[]];
  const place = first.line === 0 ? "" : `, the first in line ${first.line}`;
  return new KilotuneError(
    "invalid_training_file",
    `The file has ${issues.length === 1 ? "1 error" : `${issues.length} errors`}${place}: ${first.message}`,
    `${first.hint} Nothing has been stored.`,
    { param: "file", issues },
  );
}
