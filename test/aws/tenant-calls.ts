import type { Cloud } from "./cloud.ts";

/** What a tenant does with a deployment, by its API alone. */
export interface TenantCalls {
  call(key: string, method: string, route: string, body?: unknown): Promise<Called>;
  /** @returns the new tenant's key */
  newTenant(name: string): Promise<string>;
  /** @returns the file's id */
  upload(key: string, content: string | Uint8Array, purpose: string, name?: string): Promise<string>;
  /** What the route tells when its `status` is one of those wanted. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of all shapes
  until(key: string, route: string, ...wanted: string[]): Promise<any>;
}

export interface Called {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of all shapes
  readonly body: any;
}

export function tenantCalls(cloud: Cloud): TenantCalls {
  const call: TenantCalls["call"] = async (key, method, route, body) => {
    const isForm = body instanceof FormData;
    const request = new Request(`https://api.test${route}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body !== undefined && !isForm && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: isForm ? body : JSON.stringify(body) }),
    });
    const answer = await cloud.fetch(request);
    const text = await answer.text();
    return {
      status: answer.status,
      headers: answer.headers,
      body: text === "" ? undefined : JSON.parse(text),
    };
  };
  const sound = ({ status, body }: Called, wanted: number) => {
    if (status === wanted) return body;
    throw new Error(`expected ${wanted}, saw ${status}: ${JSON.stringify(body)}`);
  };
  return {
    call,
    async newTenant(name) {
      const asked = { name, plan: "business" };
      return sound(await call(cloud.adminKey, "POST", "/admin/tenants", asked), 201).key.secret;
    },
    async upload(key, content, purpose, name = "desk.jsonl") {
      const form = new FormData();
      form.set("purpose", purpose);
      form.set("file", new File([content as string], name));
      return sound(await call(key, "POST", "/v1/files", form), 200).id;
    },
    async until(key, route, ...wanted) {
      for (let left = 800; left > 0; left--) {
        const { body } = await call(key, "GET", route);
        if (wanted.includes(body.status)) return body;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      throw new Error(`${route} takes too long:\n${cloud.logs().slice(-4000)}`);
    },
  };
}
