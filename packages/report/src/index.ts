export { renderReport } from "./page.ts";
export { terminalSummary } from "./terminal.ts";
export { terminalComparison } from "./terminal-comparison.ts";
export type { TerminalOptions } from "./terminal-table.ts";
