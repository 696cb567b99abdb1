import { hostname } from 'node:os';
import type { Attributes, Source } from '../../core/frame.ts';
import { packageVersion } from '../../platform/version.ts';
import type { MetricFamily } from '../metric-family.ts';

/**
 * Who is behind the figures, as OpenTelemetry's compatibility specification has it of a collector: `target_info`, whose
 * labels are the attributes of a resource. The collector's own goes without `job` and `instance`, which whoever scrapes it
 * adds; those of the processes that send bear them, since they are targets behind this one.
 *
 * @param own the collector's resource.
 * @param sources the processes that send, each once.
 */
export function targetInfo(own: Attributes, sources: readonly Source[]): MetricFamily {
  const series = [own, ...sources.map(resourceOf)].map((attributes) => ({ attributes, value: 1 }));
  return { name: 'target', unit: '', description: 'Resources of the figures.', kind: 'info', series };
}

/** What is not known is empty or 0, and left out. */
function resourceOf({ service, instanceId, host, pid }: Source): Attributes {
  return {
    job: service,
    instance: instanceId,
    'service.name': service,
    'service.instance.id': instanceId,
    'host.name': host,
    ...(pid > 0 && { 'process.pid': pid }),
  };
}

/** The collector's, which is another instance with every start. */
export function ownResource(service: string, instanceId: string): Attributes {
  return {
    'service.name': service,
    'service.instance.id': instanceId,
    'host.name': hostname(),
    'process.pid': process.pid,
    'process.runtime.name': 'nodejs',
    'process.runtime.version': process.versions.node,
    'telemetry.distro.name': 'nervecenter',
    'telemetry.distro.version': packageVersion(),
  };
}
