import { createRequire } from "node:module";
import path from "node:path";
import { build, type Plugin } from "esbuild";
import type { FunctionName } from "../../packages/aws/src/functions/functions.ts";

export interface Bundle {
  /** Of the zip, by their names in it. */
  readonly files: readonly { readonly path: string; readonly source: Uint8Array }[];
  /** Paths of what is in it. */
  readonly inputs: readonly string[];
}

/**
 * A function as one module, `index.mjs`. All that it needs is in it, the AWS SDK too: Lambda's own copy is of whatever
 * version that day has, and slower to load, as a thousand files. Only ONNX Runtime is a layer's. Our packages say that their
 * modules do nothing but export (`sideEffects`), so what isn't used of them is left out.
 *
 * @param entry path of its source, `index.mjs`'s only export being what that exports
 */
export async function bundle(entry: string, root: string): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    entryPoints: [entry],
    absWorkingDir: root,
    outfile: path.join(root, "index.mjs"),
    write: false,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node24",
    // Modules before CommonJS, of which nothing can be left out.
    mainFields: ["module", "main"],
    // Names stay: they are in the traces that people read.
    minifyWhitespace: true,
    minifySyntax: true,
    sourcemap: "linked",
    sourcesContent: false,
    legalComments: "external",
    metafile: true,
    lineLimit: 200,
    banner: {
      js: 'import{createRequire as require_}from"node:module";const require=require_(import.meta.url);',
    },
    plugins: [fromLayer("onnxruntime-node", root)],
  });
  const files = outputFiles.map((file) => ({ path: path.basename(file.path), source: file.contents }));
  const inputs = Object.values(metafile.outputs).flatMap((output) =>
    Object.entries(output.inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0),
  );
  return { files, inputs: inputs.map(([input]) => input) };
}

/** What functions are made of. */
export function entryOf(name: FunctionName): string {
  return `packages/aws/src/functions/${name}.ts`;
}

/**
 * A module of /opt/nodejs/node_modules: found by `require`, through NODE_PATH, and not by `import`. Loaded when first used,
 * so that a function whose layer is missing starts, and can say so.
 */
function fromLayer(name: string, root: string): Plugin {
  const exported = Object.keys(createRequire(path.join(root, "packages/engine/package.json"))(name));
  const getters = exported.map((each) => `get ${each}() { return layer().${each}; }`);
  const contents = `const layer = () => require(${JSON.stringify(name)}); module.exports = { ${getters} };`;
  return {
    name: "from-layer",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: new RegExp(`^${name}$`) }, ({ path: module, namespace }) =>
        namespace === "layer" ? { path: module, external: true } : { path: module, namespace: "layer" },
      );
      onLoad({ filter: /.*/, namespace: "layer" }, () => ({ contents, loader: "js" }));
    },
  };
}
