import ApiRoutes from './ApiRoutes.svelte';
import ApiTotals from './ApiTotals.svelte';
import CacheHitRate from './CacheHitRate.svelte';
import LlmCost from './LlmCost.svelte';
import LlmCostBadge from './LlmCostBadge.svelte';
import type { PanelEntry } from './panel.ts';
import RagLatency from './RagLatency.svelte';
import RagPipeline from './RagPipeline.svelte';
import SystemHealth from './SystemHealth.svelte';
import SystemResources from './SystemResources.svelte';
import TrendSpan from './TrendSpan.svelte';
import VerdictBadge from './VerdictBadge.svelte';
import WebSocketSessions from './WebSocketSessions.svelte';

/** The panels of `/admin/system`, in reading order. A new panel is one file and one entry here. */
export const PANELS: readonly PanelEntry[] = [
  {
    id: 'health',
    title: 'System Health',
    icon: 'pulse',
    accent: 'verdict',
    span: 2,
    body: SystemHealth,
    badge: VerdictBadge,
  },
  { id: 'websocket', title: 'WebSocket', icon: 'plug', accent: 'plain', span: 1, body: WebSocketSessions },
  { id: 'rag', title: 'RAG Pipeline', icon: 'layers', accent: 'cyan', span: 2, body: RagPipeline },
  {
    id: 'llm',
    title: 'LLM Performance',
    icon: 'bolt',
    accent: 'amber',
    span: 1,
    body: LlmCost,
    badge: LlmCostBadge,
  },
  {
    id: 'resources',
    title: 'System Resources',
    icon: 'chart',
    accent: 'plain',
    span: 3,
    body: SystemResources,
    badge: TrendSpan,
  },
  {
    id: 'rag-latency',
    title: 'RAG Latency Trend',
    icon: 'clock',
    accent: 'plain',
    span: 2,
    body: RagLatency,
    badge: TrendSpan,
  },
  {
    id: 'cache',
    title: 'Cache Hit Rate',
    icon: 'database',
    accent: 'plain',
    span: 1,
    body: CacheHitRate,
    badge: TrendSpan,
  },
  { id: 'api', title: 'API', icon: 'routes', accent: 'plain', span: 3, body: ApiRoutes, badge: ApiTotals },
];
