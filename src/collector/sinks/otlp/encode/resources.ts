import { hostname } from 'node:os';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { Sender } from '../../../../core/event.ts';
import type { Attributes, Source } from '../../../../core/frame.ts';
import { packageVersion } from '../../../../platform/version.ts';

export type Resource = ResourceMetrics['resource'];

/** Processes that are described; of more the ones seen first are forgotten, and described again by what their events say. */
const PROCESSES_MAX = 10_000;
/** The scope of all that is made here. */
export const SCOPE = { name: 'nervecenter', version: packageVersion() };

export interface ResourcesOptions {
  /** The service of the collector itself. */
  readonly service: string;
  readonly instanceId: string;
  /** What the operator says of the process that hosts the collector. */
  readonly attributes: Attributes;
  /** The process that hosts the collector; `null`: it runs alone. */
  readonly host: Source | null;
}

/** Which process something comes from, as a resource by the conventions: one object for each, by which requests are grouped. */
export class Resources {
  readonly #options: ResourcesOptions;
  readonly #known = new Map<string, Resource>();
  /** Of what the collector measures itself. */
  readonly own: Resource;

  constructor(options: ResourcesOptions) {
    this.#options = options;
    const { service, instanceId, attributes, host } = options;
    const own = host ?? { service, instanceId, host: hostname(), pid: process.pid };
    this.own = resource({ ...host?.resource, ...attributes, ...described(own) });
    this.#known.set(own.instanceId, this.own);
  }

  /** What a process says of itself. */
  join(source: Source): void {
    if (source.instanceId === this.#options.host?.instanceId) return;
    const attributes = isAgent(source)
      ? { ...source.resource, ...described(source) }
      : { ...source.resource, 'service.name': source.service };
    this.#add(source.instanceId, resource(attributes));
  }

  /** @param sender absent: the collector itself. */
  of(sender: Sender | undefined): Resource {
    if (sender === undefined) return this.own;
    const known = this.#known.get(sender.instanceId);
    return known ?? this.#add(sender.instanceId, resource(described(sender)));
  }

  #add(instanceId: string, made: Resource): Resource {
    const [oldest] = this.#known.keys();
    if (this.#known.size >= PROCESSES_MAX && oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(instanceId, made);
    return made;
  }
}

/** Whoever is heard of by OTLP has said itself what it is, and has an SDK of its own. */
function isAgent({ instrumentations }: Source): boolean {
  return !instrumentations.includes('otlp');
}

function described(source: Sender & Partial<Pick<Source, 'host' | 'pid'>>): Attributes {
  return {
    'service.name': source.service,
    'service.instance.id': source.instanceId,
    ...(source.host ? { 'host.name': source.host } : {}),
    ...(source.pid ? { 'process.pid': source.pid } : {}),
    'telemetry.sdk.name': SCOPE.name,
    'telemetry.sdk.language': 'nodejs',
    'telemetry.sdk.version': SCOPE.version,
    'telemetry.distro.name': SCOPE.name,
    'telemetry.distro.version': SCOPE.version,
  };
}

/** The SDK's shape of one, for its serializers. */
function resource(attributes: Attributes): Resource {
  const made: Resource = {
    attributes,
    merge: () => made,
    getRawAttributes: () => Object.entries(attributes),
  };
  return made;
}
