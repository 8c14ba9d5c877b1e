/*
 * The container's entry point: tunes one job and ends. Signals are heard before all else is loaded: the first process of a
 * container isn't ended by one that it doesn't handle.
 */
const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => stop.abort());

const { runContainer } = await import("./run-container.ts");
// Connections that are kept alive for the next call would keep the process, too.
process.exit(await runContainer(process.argv.slice(2), process.env, stop.signal));
