import type { PricedCall } from './providers.ts';

/** Providers' words for the tier that list prices are for. */
const STANDARD = new Set(['', 'default', 'standard', 'auto', 'on_demand']);

/**
 * The call with its service tier in the model's name (`gpt-4o:flex`), which is how OpenRouter's list has tiers and how a
 * user may state prices for one; `null` for the standard tier.
 */
export function inItsTier<Call extends PricedCall>(call: Call, serviceTier: string | null): Call | null {
  const tier = serviceTier?.toLowerCase() ?? '';
  if (STANDARD.has(tier)) return null;
  return {
    ...call,
    model: `${call.model}:${tier}`,
    responseModel: call.responseModel === null ? null : `${call.responseModel}:${tier}`,
  };
}
