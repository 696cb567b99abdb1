import type { Snapshot } from '../../core/snapshot.ts';
import { instanceSnapshot } from './instances.ts';
import { apiSection } from './sections/api.ts';
import { cacheSection } from './sections/cache.ts';
import { llmSection } from './sections/llm.ts';
import { ragSection } from './sections/rag.ts';
import { systemSection } from './sections/system.ts';
import type { LiveView } from './sections/view.ts';
import { websocketSection } from './sections/websocket.ts';

/** Who the snapshot is from and which one it is. */
export interface SnapshotIdentity {
  readonly seq: number;
  readonly bootId: string;
  readonly service: string;
  readonly startedMs: number;
}

/** The documented snapshot of everything the collector knows at `view.nowMs`. Pure. */
export function buildSnapshot(
  view: LiveView,
  { seq, bootId, service, startedMs }: SnapshotIdentity,
): Snapshot {
  return {
    schema_version: 1,
    seq,
    boot_id: bootId,
    service,
    window_seconds: Math.round(view.windowMs / 1000),
    timestamp: new Date(view.nowMs).toISOString(),
    uptime_seconds: Math.max(0, Math.round((view.nowMs - startedMs) / 1000)),
    system: systemSection(view),
    websocket: websocketSection(view),
    rag: ragSection(view),
    cache: cacheSection(view),
    llm: llmSection(view),
    api: apiSection(view),
    instances: view.instances.map((instance) => instanceSnapshot(instance, view.nowMs)),
    pipeline: view.pipeline,
  };
}
