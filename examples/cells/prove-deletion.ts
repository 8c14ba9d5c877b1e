import { readFile, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { Kilotune } from "@kilotune/sdk";
import { countedOut, served } from "./served.ts";

/**
 * Two clinics on one `kilotune serve`, which listens to this machine alone. One sends images, has a prompt tuned, asks, and
 * leaves; then every byte of the server's folder is looked at.
 */
export async function proveDeletion(folder: string, data: string, lines: readonly string[]): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  const server = await served(folder, "--backbone", "vit-s14-saliency");
  try {
    const admin = new Kilotune({ baseURL: server.url, apiKey: server.adminKey });
    const clinic = async (name: string) => {
      const { tenant, key } = await admin.admin.tenants.create({ name, plan: "business" });
      return { id: tenant.id, api: new Kilotune({ baseURL: server.url, apiKey: key.secret, maxRetries: 0 }) };
    };
    const [leaving, staying] = [await clinic("Clinic A"), await clinic("Clinic B")];
    const own = await tuneOn(leaving.api, data, lines.slice(0, 8), "a");
    const others = await tuneOn(staying.api, data, lines.slice(8, 16), "b");
    const asked = { model: others.model, images: [others.images[0] as Blob] };
    const before = JSON.stringify((await staying.api.detect(asked)).data);
    const found = (await leaving.api.detect({ model: own.model, images: [own.images[0] as Blob] })).data;
    console.log(
      `server: clinic A's prompt answered ${found[0]?.objects.length} objects in one of its images`,
    );
    console.log(`  connections of the server that lead out of this machine: ${await countedOut(server.pid)}`);
    console.log(`  files that hold a piece of clinic A's images: ${await holders(folder, own.marks)}`);

    const gone = await leaving.api.tenant.delete();
    console.log(`  clinic A is deleted: ${gone.records} records, ${gone.blobs} blobs`);
    const refused = await leaving.api.models.list().then(
      () => "still answers",
      (error: { status?: number }) => `refused with ${error.status}`,
    );
    console.log(`  its key is ${refused}`);
    console.log(`  files that hold a piece of clinic A's images: ${await holders(folder, own.marks)}`);
    console.log(`  files that hold a piece of clinic B's images: ${await holders(folder, others.marks)}`);
    const after = JSON.stringify((await staying.api.detect(asked)).data);
    console.log(`  clinic B's answer is ${before === after ? "the same, byte for byte" : "another one"}`);
    const audit = await admin.admin.audit();
    for (const { action, target, details } of audit.data)
      if (target === leaving.id) console.log(`  audit: ${action} ${JSON.stringify(details)}`);
  } finally {
    await server.stop();
  }
}

/** Rows with the images in them, so that their bytes can be looked for. */
async function tuneOn(api: Kilotune, data: string, lines: readonly string[], suffix: string) {
  const images: Buffer[] = [];
  const rows: string[] = [];
  for (const line of lines) {
    const { image, objects } = JSON.parse(line) as { image: string; objects: unknown };
    const bytes = await readFile(path.join(data, image));
    images.push(bytes);
    rows.push(JSON.stringify({ image: `data:image/jpeg;base64,${bytes.toString("base64")}`, objects }));
  }
  const file = await api.files.create({
    file: new Blob([rows.map((row) => `${row}\n`).join("")]),
    filename: "rows.jsonl",
    purpose: "fine-tune",
  });
  const job = await api.jobs.create({
    model: "vit-s14-saliency",
    task: "detection",
    training_file: file.id,
    method: { type: "head", head: { hyperparameters: { n_epochs: 4 } } },
    suffix,
  });
  for await (const _ of api.jobs.watch(job.id));
  const { fine_tuned_model: model, error } = await api.jobs.get(job.id);
  if (model === null) throw new Error(error?.message ?? "the job was cancelled");
  // From the middle of each: as bytes, and as the rows have them.
  const marks = images.flatMap((bytes) => {
    const middle = 3 * Math.floor(bytes.length / 6);
    const piece = bytes.subarray(middle, middle + 60);
    return [piece, Buffer.from(piece.toString("base64"))];
  });
  return {
    model,
    marks,
    images: images.map((bytes) => new Blob([new Uint8Array(bytes)], { type: "image/jpeg" })),
  };
}

/** How many files below a folder hold any of these bytes: blobs, the database and its log. */
async function holders(folder: string, marks: readonly Buffer[]): Promise<number> {
  let count = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const bytes = await readFile(path.join(entry.parentPath, entry.name)).catch(() => Buffer.alloc(0));
    if (marks.some((mark) => bytes.includes(mark))) count++;
  }
  return count;
}
