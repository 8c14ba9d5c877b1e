import { functions } from "./function.ts";
import { named, region } from "./here.ts";
import { table } from "./table.ts";
import { batches, jobs } from "./workflow.ts";

/** What the runbook asks to look at first, on one page. */
export const dashboard = new aws.cloudwatch.Dashboard("Dashboard", {
  dashboardName: named("service"),
  dashboardBody: $jsonStringify({
    widgets: [
      graph(0, "Calls", ofFunctions("Invocations"), "Sum"),
      graph(1, "Errors", ofFunctions("Errors"), "Sum"),
      graph(2, "Duration, p90, ms", ofFunctions("Duration"), "p90"),
      graph(3, "At once", ofFunctions("ConcurrentExecutions"), "Maximum"),
      graph(
        4,
        "Executions",
        ofMachines(["ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed"]),
        "Sum",
      ),
      graph(
        5,
        "Table, units",
        ["ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"].map((metric) => [
          "AWS/DynamoDB",
          metric,
          "TableName",
          table.name,
        ]),
        "Sum",
      ),
    ],
  }),
});

type Metric = $util.Input<string>[];

function ofFunctions(metric: string): Metric[] {
  return [...functions.values()].map(({ name }) => ["AWS/Lambda", metric, "FunctionName", name]);
}

function ofMachines(metrics: readonly string[]): Metric[] {
  return [jobs, batches].flatMap(({ arn }) =>
    metrics.map((metric) => ["AWS/States", metric, "StateMachineArn", arn]),
  );
}

/** Three in a row of 24 columns. */
function graph(at: number, title: string, metrics: Metric[], stat: string) {
  const place = { x: 8 * (at % 3), y: 6 * Math.floor(at / 3), width: 8, height: 6 };
  return {
    type: "metric",
    ...place,
    properties: { title, metrics, stat, period: 300, region, view: "timeSeries" },
  };
}
