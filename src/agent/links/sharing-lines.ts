import type { Config } from '../../config/config.ts';
import type { Source } from '../../core/frame.ts';
import type { Disagreement, Holder } from '../../core/place.ts';

/** Whether a collector is that of the same app in another process, as in a cluster: nobody has to be told. */
export function isSibling(holder: Holder, { service }: Source): boolean {
  // Loaded only here: most processes have no use for it.
  const { isWorker } = process.getBuiltinModule('cluster') as unknown as { readonly isWorker: boolean };
  return holder.service === service && isWorker;
}

/** Of who shares the dashboard of another app. */
export function joinedLine({ service, url }: Holder): string {
  return `joined the dashboard of ${service} at ${url}.`;
}

/** Of who could not, and has one of its own at another port. */
export function ownDashboardLine(
  { holder, why }: { readonly holder: Holder; readonly why: Disagreement },
  { storage }: Pick<Config, 'storage'>,
): string {
  const reasons: Readonly<Record<Disagreement, string>> = {
    port: 'which moved here from another port',
    storage: storage === 'on' ? 'which stores no rows' : 'which stores rows, as this app is not to',
    place: 'whose rows go elsewhere',
    token: 'which the admin token of this app does not open',
  };
  const whose = holder.alone ? 'nervecenter collector' : holder.service;
  return `the dashboard at ${holder.url} is that of ${whose} (process ${holder.pid}), ${reasons[why]}: this app has its own, at the next free port.`;
}
