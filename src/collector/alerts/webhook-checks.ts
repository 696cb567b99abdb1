import type { AlertRule, Webhook } from '../../core/alerts/rule.ts';
import type { WebhookSender } from './webhook-sender.ts';

const HOSTS_SAID_MAX = 5;

/**
 * What is wrong with where a rule's messages go, in the same words whatever it is: whoever asks could find out which names and
 * addresses there are in the network. Only addresses that the rule did not have before are looked at: one whose host is away
 * for a while keeps nobody from changing the rest, and each is judged again whenever something is sent there.
 */
export async function problemsOfAddresses(
  { webhooks }: AlertRule,
  before: AlertRule | undefined,
  sender: WebhookSender,
): Promise<string[]> {
  const had = new Set(before?.webhooks.map(({ url }) => url));
  const problems = webhooks.map(async ({ url }, index) => {
    if (had.has(url) || (await sender.judge(url)) === 'admitted') return [];
    return `webhooks[${index}].url: expected a host that is known and has an address of the Internet, or one that NERVECENTER_WEBHOOK_HOSTS names.`;
  });
  return (await Promise.all(problems)).flat();
}

/** Those nobody will be told at, for a line of the log, so that it is known before an alert fires; empty: none. */
export async function refusedHosts(
  webhooks: readonly Webhook[],
  sender: WebhookSender,
  isOver: () => boolean,
): Promise<string> {
  const refused: string[] = [];
  for (const [host, url] of new Map(webhooks.map(({ url }) => [new URL(url).host, url]))) {
    if (isOver()) return '';
    if ((await sender.judge(url)) === 'refused') refused.push(host);
  }
  const more = refused.length - HOSTS_SAID_MAX;
  return `${refused.slice(0, HOSTS_SAID_MAX).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
