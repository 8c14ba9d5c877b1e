import { FUNCTIONS, readEnvironment, VARIABLES } from "@kilotune/aws";

/** What a deployment would give its functions, read as they do: a variable that is missing or wrong is named at once. */
export function checkDeployment(variables: Readonly<Record<string, string>>) {
  const { stage, backbones, inferFunctions } = readEnvironment(variables, ["backbones", "inferFunctions"]);
  const unserved = backbones.filter(({ id }) => !Object.hasOwn(inferFunctions, id));
  if (unserved.length > 0) throw new Error(`${VARIABLES.inferFunctions} lacks ${unserved[0]?.id}`);
  return { stage, zips: Object.keys(FUNCTIONS).map((name) => `out/aws/functions/${name}.zip`) };
}
