import { type LookupAddress, promises as dns } from "node:dns";
import http from "node:http";
import https from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { KilotuneError } from "@kilotune/contract";
import { isPublicAddress } from "./private-address.ts";

/** Posts a message and answers the status. No redirect is followed. */
export type SendWebhook = (url: string, message: WebhookMessage) => Promise<number>;

export interface WebhookMessage {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}

export interface WebhookSenderOptions {
  /** Lets webhooks reach this machine and the networks behind it; there, and only there, by http as well. */
  readonly toPrivateNetwork?: boolean;
  /** All addresses of a host; the system's where left out. */
  readonly lookup?: (host: string) => Promise<readonly LookupAddress[]>;
}

/**
 * A tenant says where its webhook leads, and this machine stands where a tenant doesn't: so the address that is about to
 * be connected to is looked at, not the name that was set. A name that resolves otherwise the next time gains nothing.
 *
 * @throws by the sender: KilotuneError `webhook_refused`; what the connection throws
 */
export function webhookSender({
  toPrivateNetwork = false,
  lookup = (host) => dns.lookup(host, { all: true }),
}: WebhookSenderOptions = {}): SendWebhook {
  return async (url, { headers, body, signal }) => {
    const { protocol, hostname } = new URL(url);
    const isSecure = protocol === "https:";
    const refuse = (addresses: readonly string[]) => {
      const arePublic = addresses.map(isPublicAddress);
      if (!toPrivateNetwork && arePublic.includes(false))
        throw refused("a public address, saw a private one");
      if (!isSecure && (!toPrivateNetwork || arePublic.includes(true))) throw refused("https, saw http");
    };
    const host = hostname.replace(/^\[|\]$/g, "");
    // A literal address is connected to without being looked up.
    if (isIP(host) !== 0) refuse([host]);
    const lookedUp: LookupFunction = (name, { all }, done) => {
      lookup(name)
        .then((found) => {
          refuse(found.map(({ address }) => address));
          if (all) return done(null, [...found]);
          const [{ address, family }] = found as [LookupAddress];
          done(null, address, family);
        })
        .catch((error) => done(error, ""));
    };
    const { request } = isSecure ? https : http;
    return await new Promise((resolve, reject) => {
      // No agent: a connection that stands would be a way past the look at its address.
      const call = request(url, { method: "POST", headers, lookup: lookedUp, agent: false, signal });
      call.on("error", reject);
      call.on("response", (answer) => {
        resolve(answer.statusCode ?? 0);
        answer.destroy();
      });
      call.end(body);
    });
  };
}

function refused(what: string): KilotuneError {
  return new KilotuneError(
    "webhook_refused",
    `A webhook's address: expected ${what}.`,
    "Where webhooks may reach private networks, start the server with --webhooks-to-private-network.",
  );
}
