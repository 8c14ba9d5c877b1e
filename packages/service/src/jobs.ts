import type { TenantId } from "@kilotune/contract";
import { asJob, readJob } from "./change-job.ts";
import type { Page, PageQuery, Service } from "./context.ts";
import type { Job } from "./job.ts";
import { JOBS } from "./kinds.ts";
import { listPage } from "./list-page.ts";

/** @throws KilotuneError `not_found` */
export async function getJob(service: Service, tenant: TenantId, id: string): Promise<Job> {
  return asJob((await readJob(service, tenant, id)).value);
}

/** The newest first. `metadata`: those with all these pairs. */
export function listJobs(
  service: Service,
  tenant: TenantId,
  query: PageQuery & { readonly metadata?: Readonly<Record<string, string>> } = {},
): Promise<Page<Job>> {
  const wanted = Object.entries(query.metadata ?? {});
  return listPage(service, tenant, JOBS, query, {
    cursor: "job",
    newestFirst: true,
    view: ({ value }) => {
      const has = new Map(Object.entries(value.metadata));
      return wanted.every(([key, text]) => has.get(key) === text) ? asJob(value) : undefined;
    },
  });
}
