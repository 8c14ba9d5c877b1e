export { type Environment, readEnvironment, VARIABLES } from "./environment.ts";
export { FUNCTIONS, type FunctionName } from "./functions/functions.ts";
