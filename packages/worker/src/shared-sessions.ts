import type { Session } from "@kilotune/engine";

/**
 * The same backbone, with each of its graphs opened once, at the first asking: the runs of a job ask for the same few
 * again and again. Whoever asked "releases" as always; they close with the whole. A head of the caller's has no name that
 * its graph could be found by: whoever opens it releases it.
 */
export function sharedSessions<B extends Openable>(backbone: B): B & AsyncDisposable {
  const opened = new Map<string, Promise<Session>>();
  const shared: Openable & AsyncDisposable = {
    async open(spec) {
      const name = JSON.stringify(spec);
      const opening = opened.get(name) ?? backbone.open(spec);
      opened.set(name, opening);
      const session = await opening;
      return {
        inputNames: session.inputNames,
        outputNames: session.outputNames,
        run: (feeds, outputs) => session.run(feeds, outputs),
        release: async () => {},
      };
    },
    async [Symbol.asyncDispose]() {
      const sessions = await Promise.allSettled(opened.values());
      const open = sessions.filter((each) => each.status === "fulfilled");
      await Promise.all(open.map(({ value }) => value.release()));
    },
  };
  return { ...backbone, ...shared };
}

/** A backbone of texts or of images. */
interface Openable {
  open(spec: never): Promise<Session>;
}
