import { describeFault } from "@kilotune/contract";

/** What went wrong beside any request, as a line of the log. */
export function printFault(error: unknown): string {
  const line = { time: new Date().toISOString(), level: "error", event: "fault", ...describeFault(error) };
  return JSON.stringify(line);
}
