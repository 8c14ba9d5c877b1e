import { buffer } from "node:stream/consumers";
import { openPromise } from "yauzl";
import { LAMBDA_UNZIPPED } from "./limits.ts";

/**
 * The files of a zip by path. yauzl refuses absolute paths and "..", and a file that unpacks to another size than it says.
 *
 * @throws Error where it isn't a zip, or holds more than a function may
 */
export async function readZip(file: string): Promise<Map<string, Buffer>> {
  await using open = new AsyncDisposableStack();
  const zip = open.adopt(await openPromise(file, { autoClose: false }), (opened) => opened.close());
  const files = new Map<string, Buffer>();
  let total = 0;
  for await (const entry of zip.eachEntry()) {
    total += entry.uncompressedSize;
    if (total > LAMBDA_UNZIPPED) throw new Error(`it holds more than Lambda's ${LAMBDA_UNZIPPED} bytes`);
    files.set(entry.fileName, await buffer(await zip.openReadStreamPromise(entry)));
  }
  return files;
}
