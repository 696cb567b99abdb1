import type { AlertRule, Webhook } from '../../core/alerts/rule.ts';

const HIDDEN = '/…';

/** As it may be shown: path and parameters of an address are often its password. */
export function masked({ url, format }: Webhook): Webhook {
  return { url: `${new URL(url).origin}${HIDDEN}`, format };
}

/**
 * A rule as it was sent, with the addresses that came back as they had been shown put in their place again. One that was
 * shown and fits nothing stays as it is and is no address.
 */
export function unmasked(body: unknown, before: AlertRule | undefined): unknown {
  if (typeof body !== 'object' || body === null || !('webhooks' in body) || !Array.isArray(body.webhooks))
    return body;
  const sent: readonly unknown[] = body.webhooks;
  return { ...body, webhooks: sent.map((one, index) => restored(one, index, before?.webhooks ?? [])) };
}

function restored(sent: unknown, index: number, before: readonly Webhook[]): unknown {
  if (typeof sent !== 'object' || sent === null || !('url' in sent) || typeof sent.url !== 'string')
    return sent;
  if (!sent.url.endsWith(HIDDEN)) return sent;
  const fits = (webhook: Webhook | undefined) => webhook !== undefined && masked(webhook).url === sent.url;
  const same = before[index];
  const found = fits(same) ? same : before.find(fits);
  return { ...sent, url: found?.url ?? '' };
}
