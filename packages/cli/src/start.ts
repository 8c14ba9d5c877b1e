import { COMMANDS } from "./main.ts";
import { runCli } from "./run.ts";
import { processIo } from "./terminal/process-io.ts";

/** `npm start`: the command `start`, and nothing more. */
process.exitCode = await runCli(["start", ...process.argv.slice(2)], COMMANDS, processIo());
