import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  ListExecutionsCommand,
  type SFNClient,
} from "@aws-sdk/client-sfn";
import { type BatchId, type JobId, idOf, type TenantId } from "@kilotune/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newTenant } from "../contract-suite/store-under-test.ts";
import type { Workflow } from "../ports/workflow.ts";
import { startAws } from "./emulator.fixtures.ts";
import { stepFunctionsWorkflow } from "./workflow.ts";

const aws = await startAws();
afterAll(() => aws?.stop());

describe.skipIf(aws === undefined)("Step Functions", () => {
  let client: SFNClient;
  let workflow: Workflow;
  let machines: { jobs: string; batches: string };
  let tenant: TenantId;
  let ids = 0;
  const newJob = (): JobId => idOf("job", String(++ids).padStart(26, "0"));
  const newBatch = (): BatchId => idOf("batch", String(++ids).padStart(26, "0"));

  beforeAll(async () => {
    client = (aws as NonNullable<typeof aws>).others().sfn;
    tenant = newTenant();
    // Waits for as long as a test takes, or ends at once where that is said to be all.
    const definition = JSON.stringify({
      StartAt: "Which",
      States: {
        Which: {
          Type: "Choice",
          Choices: [{ Variable: "$.stop", IsPresent: true, Next: "Done" }],
          Default: "Wait",
        },
        Wait: { Type: "Wait", Seconds: 3600, Next: "Done" },
        Done: { Type: "Succeed" },
      },
    });
    const machine = async (name: string) => {
      const roleArn = "arn:aws:iam::000000000000:role/machine";
      const made = await client.send(new CreateStateMachineCommand({ name, definition, roleArn }));
      return made.stateMachineArn as string;
    };
    machines = { jobs: await machine("jobs"), batches: await machine("batches") };
    workflow = stepFunctionsWorkflow({ client, ...machines });
  });

  /** Names and states of an id's executions. */
  async function executions(machine: string, id: string): Promise<Record<string, string>> {
    const { executions = [] } = await client.send(new ListExecutionsCommand({ stateMachineArn: machine }));
    const own = executions.filter(({ name }) => name?.startsWith(id));
    return Object.fromEntries(own.map(({ name, status }) => [name?.slice(id.length), status as string]));
  }

  it("starts an execution named by its job, once, however often it is told to", async () => {
    const job = newJob();
    await Promise.all([1, 2, 3].map(() => workflow.start(tenant, job)));
    await workflow.start(tenant, job);
    expect(await executions(machines.jobs, job)).toEqual({ "": "RUNNING" });
    const executionArn = `${machines.jobs.replace("stateMachine", "execution")}:${job}`;
    const { input } = await client.send(new DescribeExecutionCommand({ executionArn }));
    expect(JSON.parse(input as string)).toEqual({ tenant, job });
  });

  it("stops it, and has the last state done by another", async () => {
    const job = newJob();
    await workflow.start(tenant, job);
    await workflow.stop(tenant, job);
    await expect.poll(() => executions(machines.jobs, job)).toEqual({ "": "ABORTED", ".end": "SUCCEEDED" });
    // Again is no error: what is left is looked after once more.
    await workflow.stop(tenant, job);
    await expect
      .poll(() => executions(machines.jobs, job))
      .toEqual({ "": "ABORTED", ".end": "SUCCEEDED", ".end.2": "SUCCEEDED" });
  });

  it("does the last state for each that stops it: what one saw, the next may see otherwise", async () => {
    const job = newJob();
    await workflow.start(tenant, job);
    await Promise.all([1, 2, 3].map(() => workflow.stop(tenant, job)));
    await expect
      .poll(() => executions(machines.jobs, job))
      .toEqual({ "": "ABORTED", ".end": "SUCCEEDED", ".end.2": "SUCCEEDED", ".end.3": "SUCCEEDED" });
  });

  it("does the last state where nothing ran", async () => {
    const job = newJob();
    await workflow.stop(tenant, job);
    await expect.poll(() => executions(machines.jobs, job)).toEqual({ ".end": "SUCCEEDED" });
  });

  it("goes on under a new name each time, and once however many resume it at once", async () => {
    const job = newJob();
    await workflow.start(tenant, job);
    for (let attempt = 2; attempt <= 6; attempt++) {
      await workflow.stop(tenant, job);
      await Promise.all([1, 2, 3].map(() => workflow.start(tenant, job)));
    }
    const all = await executions(machines.jobs, job);
    const runs = Object.entries(all).filter(([name]) => !name.includes("end"));
    expect(Object.fromEntries(runs)).toEqual({
      "": "ABORTED",
      ".2": "ABORTED",
      ".3": "ABORTED",
      ".4": "ABORTED",
      ".5": "ABORTED",
      ".6": "RUNNING",
    });
  });

  it("keeps a batch running to its own end", async () => {
    const batch = newBatch();
    await workflow.start(tenant, batch);
    await workflow.stop(tenant, batch);
    expect(await executions(machines.batches, batch)).toEqual({ "": "RUNNING" });
    const fresh = newBatch();
    await workflow.stop(tenant, fresh);
    expect(await executions(machines.batches, fresh)).toEqual({ "": "RUNNING" });
  });

  it("says what may pass and what doesn't", async () => {
    const failing = (name: string, status: number) => {
      const { sfn } = (aws as NonNullable<typeof aws>).others();
      const error = Object.assign(new Error(name), { name, $metadata: { httpStatusCode: status } });
      sfn.middlewareStack.add(
        () => () => {
          throw error;
        },
        { step: "initialize" },
      );
      return stepFunctionsWorkflow({ client: sfn, ...machines }).start(tenant, newJob());
    };
    await expect(failing("ThrottlingException", 400)).rejects.toMatchObject({
      code: "store_busy",
      retryable: true,
    });
    await expect(failing("AccessDeniedException", 400)).rejects.toMatchObject({ code: "store_denied" });
    await expect(failing("StateMachineDoesNotExist", 400)).rejects.toMatchObject({
      name: "StateMachineDoesNotExist",
    });
  });
});
