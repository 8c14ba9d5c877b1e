/// <reference path="./.sst/platform/config.d.ts" />

/** What is deployed, file by file. SST lets nothing be imported at the top. */
export default $config({
  async app({ stage }) {
    return (await import("./infra/stack/app.ts")).appOf(stage, process.env);
  },
  async run() {
    await import("./infra/stack/keys.ts");
    await import("./infra/stack/table.ts");
    await import("./infra/stack/bucket.ts");
    await import("./infra/stack/secrets.ts");
    await import("./infra/stack/roles.ts");
    await import("./infra/stack/tenant-role.ts");
    await import("./infra/stack/layers.ts");
    await import("./infra/stack/infer.ts");
    await import("./infra/stack/states.ts");
    await import("./infra/stack/network.ts");
    await import("./infra/stack/batch.ts");
    await import("./infra/stack/workflow.ts");
    await import("./infra/stack/api.ts");
    await import("./infra/stack/notify.ts");
    await import("./infra/stack/cron.ts");
    await import("./infra/stack/alarms.ts");
    await import("./infra/stack/dashboard.ts");
    return (await import("./infra/stack/outputs.ts")).outputs;
  },
});
