import { Kilotune, PermissionDeniedError, type TenantObject } from "@kilotune/sdk";
import { defineCommand } from "../../command.ts";
import { writeCredentials } from "../../remote/credentials.ts";
import { readSecret } from "../../remote/read-secret.ts";
import { oneLine } from "../../terminal/printable.ts";

export const login = defineCommand({
  summary: "Try a server and a key, and keep them for the commands that need a server",
  details:
    "Asks for the key, or takes it from KILOTUNE_API_KEY or the first line of stdin. Kept in ~/.config/kilotune, for\n" +
    "your eyes alone (KILOTUNE_CONFIG is another folder). KILOTUNE_URL and KILOTUNE_API_KEY win over what is kept.",
  positionals: { url: { value: "URL", count: "one", about: "The server, e.g. http://127.0.0.1:8787" } },
  flags: {},
  examples: [
    { line: "kilotune login http://127.0.0.1:8787", purpose: "asks for the key" },
    { line: "kilotune login https://tune.example.com --json < key.txt", purpose: "for a script" },
  ],
  async run({ url }, terminal) {
    const { environment } = terminal.io;
    const apiKey = environment.KILOTUNE_API_KEY || (await readSecret(terminal, "API key: "));
    const tenant = await whose(new Kilotune({ baseURL: url, apiKey }));
    const file = await writeCredentials(environment, { url, apiKey });
    terminal.result({ url, tenant, file }, () => {
      const name =
        tenant === null ? "with a key that may not say whose it is" : `as ${oneLine(tenant.name, 100)}`;
      return `Logged in to ${oneLine(url, 200)} ${name}. Kept in ${file}`;
    });
    return 0;
  },
});

/** null of a key that is good but may not read: an admin's, or one for inference alone. */
async function whose(service: Kilotune): Promise<TenantObject | null> {
  try {
    return await service.tenant.get();
  } catch (error) {
    if (error instanceof PermissionDeniedError && error.code === "insufficient_scope") return null;
    throw error;
  }
}
