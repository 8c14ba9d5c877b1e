import { deliverEvents, restartJobs, sweep, webhookSender } from "@kilotune/service";
import { readEnvironment } from "../environment.ts";
import { logLine, observed } from "../observe.ts";
import { openService } from "../service.ts";

const service = openService(readEnvironment(process.env, ["stateMachineArn", "batchMachineArn"]));
const send = webhookSender();

/** What must be done whether or not anybody calls; infra/ says how often. */
const CHORES = {
  /** Webhooks that are due. */
  deliver: () => deliverEvents(service, send),
  /** Executions that ended though their job or batch hadn't. */
  restart: async () => ({ looked: await restartJobs(service) }),
  /** What has had its time, and what crashes left. */
  sweep: () => sweep(service),
} as const;

export const handler = (event: { readonly chore?: keyof typeof CHORES }): Promise<void> =>
  observed("housekeeping", async () => {
    const { chore } = event;
    if (chore === undefined || !Object.hasOwn(CHORES, chore))
      throw new Error(`expected {chore}: one of ${Object.keys(CHORES).join(", ")}`);
    logLine("chore", { chore, ...(await CHORES[chore]()) });
  });
