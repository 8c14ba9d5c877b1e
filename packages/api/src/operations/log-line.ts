import { isCodedError } from "@kilotune/contract";

/** One line of the log. It holds ids, never a key, a header, a path as sent, a text, a label or a file's name. */
export interface LogLine {
  /** ISO 8601. */
  readonly time: string;
  readonly level: "info" | "error";
  readonly event: "request";
  readonly requestId: string;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly ms: number;
  readonly tenant: string | undefined;
  readonly key: string | undefined;
  readonly tokens?: number;
  readonly error?: Error;
}

/** As JSON. Of an error its code is told; of one that nobody foresaw, its kind and where it arose. */
export function printLogLine({ error, ...line }: LogLine): string {
  return JSON.stringify({ ...line, ...(error === undefined ? {} : { error: told(error) }) });
}

/** No message: JSON.parse quotes the text that it can't read, SQLite the value that it can't store. */
function told(error: Error): object {
  if (isCodedError(error)) return { code: error.code };
  const frames = (error.stack ?? "").split("\n").filter((frame) => /^\s+at /.test(frame));
  return { name: error.name, at: frames.slice(0, 8).map((frame) => frame.trim()) };
}
