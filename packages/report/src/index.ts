export { renderReport } from "./page.ts";
export { type TerminalOptions, terminalSummary } from "./terminal.ts";
