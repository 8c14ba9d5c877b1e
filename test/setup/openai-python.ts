import type { PythonTool } from "./python-tool.ts";

/** OpenAI's own client for Python: https://pypi.org/project/openai (Apache-2.0). */
export const OPENAI_PYTHON: PythonTool = { name: "openai", requirement: "openai==3.57.0" };
