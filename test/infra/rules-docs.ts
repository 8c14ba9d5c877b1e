import { readFileSync } from "node:fs";
import path from "node:path";
import { IDLE_STAGES } from "../../bench/simulate/idle.ts";
import { all, type Rule } from "./rules.ts";

/** What the documents say of a stack is what the stack is. */
export const docsRules: Readonly<Record<string, Rule>> = {
  "the runbook says of every alarm what to do, and of no other": (stack, { shape }) => {
    const titles = [...runbook().matchAll(/^### (.+)$/gm)].flatMap(([, title = ""]) =>
      [...title.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => patternOf(name)),
    );
    const alarms = all(stack, "aws:cloudwatch/metricAlarm:MetricAlarm").map(({ name }) =>
      name.replace(/^Alarm-/, ""),
    );
    const unsaid = alarms.filter((alarm) => !titles.some((title) => title.test(alarm)));
    const gone = titles.filter((title) => !alarms.some((alarm) => title.test(alarm)));
    return [
      ...unsaid.map((alarm) => `${alarm}: the runbook has no section`),
      ...(shape === "personal"
        ? []
        : gone.map(({ source }) => `${source}: the runbook has one, the stack none`)),
    ];
  },

  "a stage that nobody uses costs what docs/costs.md says: its resources are counted right": (
    stack,
    { shape },
  ) => {
    const seen = {
      alarms: all(stack, "aws:cloudwatch/metricAlarm:MetricAlarm").length,
      endpoints: all(stack, "aws:ec2/vpcEndpoint:VpcEndpoint").filter(
        ({ inputs }) => inputs.vpcEndpointType === "Interface",
      ).length,
      warmInfer: all(stack, "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig").reduce(
        (sum, { inputs }) => sum + inputs.provisionedConcurrentExecutions,
        0,
      ),
    };
    return Object.entries(seen)
      .filter(([name, count]) => IDLE_STAGES[shape][name as keyof typeof seen] !== count)
      .map(([name, count]) => `${name}: ${count}, in bench/simulate/idle.ts another number`);
  },
};

function runbook(): string {
  return readFileSync(path.resolve(import.meta.dirname, "../../docs/runbook.md"), "utf8");
}

/** `<function>-errors` stands for each function's. */
function patternOf(name: string): RegExp {
  return new RegExp(`^${name.replaceAll(/<[^>]+>/g, ".+")}$`);
}
