import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { describeBlobs } from "../contract-suite/blobs.ts";
import { describeRecords } from "../contract-suite/records.ts";
import type { OpenStore } from "../contract-suite/store-under-test.ts";
import { openLocalStore } from "./open-local-store.ts";

const open: OpenStore = async (clock) => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-store-"));
  const store = await openLocalStore(folder, { clock });
  return {
    ...store,
    async cleanup() {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
};

describeRecords("local", open, { runs: 60 });
describeBlobs("local", open);
