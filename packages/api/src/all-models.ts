import type { TenantId } from "@kilotune/contract";
import { listModels, type Service, type TunedModel } from "@kilotune/service";

/** All tuned models of a tenant: OpenAI's clients don't page here, and a plan bounds how many there are. */
export async function allModels(service: Service, tenant: TenantId): Promise<TunedModel[]> {
  const models: TunedModel[] = [];
  for (let more = true; more; ) {
    const after = models.at(-1)?.name;
    const page = await listModels(service, tenant, { limit: 100, ...(after === undefined ? {} : { after }) });
    models.push(...page.data);
    more = page.hasMore && page.data.length > 0;
  }
  return models;
}
