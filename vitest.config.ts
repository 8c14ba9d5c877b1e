import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/*/src/**/*.test.ts", "test/**/*.test.ts", "bench/**/*.test.ts", "infra/**/*.test.ts"],
    // ONNX Runtime keeps native threads: one process a file, and no more files at once than the two cores CI has.
    pool: "forks",
    maxWorkers: 2,
    // Guards against a hang, on machines that are busy too: what takes long is to be seen in the report.
    testTimeout: 180_000,
    hookTimeout: 120_000,
  },
});
