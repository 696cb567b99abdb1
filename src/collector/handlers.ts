import { isLasting } from '../core/measured.ts';
import type { NervecenterEvent } from '../core/signals/index.ts';
import type { PricedLlmCallEvent } from '../core/signals/llm-call.ts';
import type { AgentLink } from './agent-link.ts';
import type { EventLedger } from './event-ledger.ts';
import { type Acceptance, withHiddenResource } from './exporting.ts';
import type { Live } from './live/live.ts';
import type { Log } from './log.ts';
import type { Pricer } from './pricing/pricer.ts';
import type { AgentProcesses } from './receivers/agent-processes.ts';
import { type AgentHandlers, receiveFrom } from './receivers/agents.ts';
import type { OtlpSink } from './receivers/otlp/acceptance.ts';
import type { SentBatches } from './receivers/sent-batches.ts';
import type { OtlpExporter } from './sinks/otlp/exporter.ts';
import { offeredBatch } from './sinks/postgres/spool/batch.ts';
import type { Pseudonyms } from './users/pseudonyms.ts';

interface HandlerParts {
  readonly live: Live;
  readonly ledger: EventLedger;
  readonly accept: Acceptance;
  readonly exporter: OtlpExporter | null;
  readonly pricer: Pricer;
  readonly sentBatches: SentBatches;
  readonly agents: AgentProcesses;
  /** What stands for users; `null`: they are called as they are. */
  readonly users: Pseudonyms | null;
  readonly sharing: AgentHandlers['sharing'];
  readonly takeLeft: AgentHandlers['takeLeft'];
  readonly refused: AgentHandlers['refused'];
  readonly onGoodbye: () => void;
}

/** What a call cost is found here, so that pricing costs the app nothing. */
export function withCost(event: NervecenterEvent, pricer: Pricer): NervecenterEvent {
  if (event.signal !== 'llm-call') return event;
  // What a row says it cost is taken back; no sender says what a call costs.
  if (event.retractsMs !== undefined && 'cost' in event) return event;
  const priced: PricedLlmCallEvent = { ...event, cost: pricer.price(event) };
  return priced;
}

/** Where what comes goes. */
export type Accepting = Omit<HandlerParts, 'sharing' | 'takeLeft' | 'refused' | 'onGoodbye'>;

/** What the messages of agents do. */
function agentHandlers(parts: HandlerParts): AgentHandlers {
  const {
    live,
    ledger,
    accept,
    exporter,
    pricer,
    sentBatches,
    agents,
    users,
    sharing,
    takeLeft,
    refused,
    onGoodbye,
  } = parts;
  return {
    sharing,
    takeLeft,
    sentBatches,
    join: (told) => {
      const source = users === null ? told : withHiddenResource(told, users);
      exporter?.join(source);
      agents.join(source);
      return live.join(source);
    },
    leave: (instanceId) => {
      exporter?.leave(instanceId);
      live.leave(instanceId);
    },
    frame: (sender, { points: told, ...frame }) => {
      const points = users?.points(told) ?? told;
      exporter?.addPoints(points, sender.instanceId);
      ledger.addPoints(points.filter(isLasting).map((point) => ({ ...point, sender })));
      live.merge(sender.instanceId, { ...frame, points: points.filter((point) => !isLasting(point)) });
    },
    events: (events, batch, doubtful) => {
      agents.told(events);
      return accept.offer(
        events.map((event) => withCost(event, pricer)),
        events[0]?.sender && offeredBatch(events[0].sender.instanceId, batch, doubtful),
      );
    },
    refused,
    ask: (what) => (what === 'health' ? live.health() : live.snapshot()),
    goodbye: (instanceId) => {
      live.end(instanceId);
      onGoodbye();
    },
  };
}

/** Serves agents, each by its link. */
export function attaching(parts: Omit<HandlerParts, 'onGoodbye'>) {
  return (link: AgentLink, onGoodbye = () => {}) => receiveFrom(link, agentHandlers({ ...parts, onGoodbye }));
}

/** Where what comes by OTLP goes: where agents' goes, too. */
export function otlpSink(parts: Accepting): OtlpSink {
  const { live, ledger, accept, exporter, pricer, sentBatches, agents } = parts;
  let offered: Promise<unknown> = Promise.resolve();
  return {
    toldByAgent: (source, subject) => agents.tells(source, subject),
    spansToldByAgent: (source, subject) => agents.tellsOfSame(source, subject),
    get crowded() {
      return accept.crowded;
    },
    sentBatches,
    join: (source, via) => {
      exporter?.join(source, via);
      return live.join(source);
    },
    addLasting: (points) => {
      for (const [instanceId, ofOne] of Map.groupBy(points, ({ sender }) => sender?.instanceId))
        exporter?.addPoints(ofOne, instanceId);
      ledger.addPoints(points);
    },
    merge: (instanceId, points) => {
      exporter?.addPoints(points, instanceId);
      return live.merge(instanceId, { points, dropped: {} });
    },
    offer: (events, passage, sent) => {
      const priced = events.map((event) => withCost(event, pricer));
      const accepted = accept.offer(priced, sent, passage);
      offered = Promise.allSettled([offered, accepted]);
      return accepted;
    },
    offered: () => offered.then(() => {}),
    forward: exporter === null ? null : (request) => exporter.forward(request),
  };
}

/** Counts what agents send in a shape that cannot be used, and says so once per kind. */
export function refusals(ledger: EventLedger, log: Log): AgentHandlers['refused'] {
  const said = new Set<string>();
  return (what, count) => {
    if (what === 'events') ledger.refuse(count);
    if (said.has(what)) return;
    said.add(what);
    log('link', `a process sent ${what} that cannot be used (of another version?); they are left out.`);
  };
}
