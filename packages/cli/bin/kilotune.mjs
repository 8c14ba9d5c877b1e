#!/usr/bin/env node
import { spawn } from "node:child_process";
import { createRequire } from "node:module";

/**
 * Plain JavaScript, since it must start on any Node: the sources are TypeScript, which Node runs unbuilt from 24 on. An
 * older one hands over to the Node that the package `node` brings, with its signals and exit code passed through.
 */
const WANTED = 24;

if (Number(process.versions.node.split(".")[0]) >= WANTED) {
  const { main } = await import("../src/main.ts");
  await main();
} else {
  handOver(bundledNode());
}

function bundledNode() {
  try {
    // Not import.meta.resolve: it is behind a flag in the older ones of the Nodes that come here.
    return createRequire(import.meta.url).resolve("node/bin/node");
  } catch {
    process.stderr.write(
      `Kilotune needs Node ${WANTED} or newer, this is ${process.versions.node}. Run npm ci in its folder, or install Node ${WANTED}.\n`,
    );
    process.exit(3);
  }
}

function handOver(node) {
  const child = spawn(node, process.argv.slice(1), { stdio: "inherit" });
  // A terminal sends Ctrl-C to both: sent on, it would count as the second one, which kills.
  const atTerminal = [process.stdin, process.stdout, process.stderr].some((stream) => stream.isTTY);
  process.on("SIGINT", () => atTerminal || child.kill("SIGINT"));
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    process.stderr.write(`Kilotune could not start ${node}: ${error.message}\n`);
    process.exit(3);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    // Ends the way the child did, so that a shell sees the same.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
