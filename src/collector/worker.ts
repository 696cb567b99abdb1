import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { Config } from '../config/config.ts';
import { describeError, NervecenterError } from '../core/errors.ts';
import type { CollectorMessage, Source } from '../core/frame.ts';
import { isLasting } from '../core/measured.ts';
import type { Place } from '../core/place.ts';
import type { NervecenterEvent } from '../core/signals/index.ts';
import { Farewell } from '../link/farewell.ts';
import type { SharedRing } from '../link/ring/ring-writer.ts';
import type { AgentLink } from './agent-link.ts';
import { EventMeter } from './event-ledger.ts';
import { sentOf, storedAmong } from './exporting.ts';
import { withCost } from './handlers.ts';
import { logToStderr } from './log.ts';
import { sayKept } from './notices.ts';
import { createPricer, type Pricer } from './pricing/pricer.ts';
import { LastMessages } from './receivers/last-messages.ts';
import { RingLink } from './receivers/ring-link.ts';
import type { OtlpExporter } from './sinks/otlp/exporter.ts';
import { leaveInSpool } from './sinks/postgres/storage.ts';
import { type Collector, startCollector } from './start.ts';
import { lastPseudonyms } from './users/hiding.ts';

/** What the agent hands to the thread it starts. */
export interface WorkerInput {
  readonly config: Config;
  readonly source: Source;
  /** What the app asked for, which may be another port than the one there is for it. */
  readonly place: Place;
  /** What comes is left in the spools, for the next collector; there is none here. */
  readonly spoolOnly: boolean;
  /** Of the `Farewell` that the exiting main thread waits for. */
  readonly farewell: SharedArrayBuffer;
  /** In which the events of the process are. */
  readonly ring: SharedRing;
}

/** How long the end may take. The app's exit waits for it, so it is bounded. */
const SHUTDOWN_DEADLINE_MS = 2500;
/** Nobody waits for a collector that another one takes the place of, but for its port. */
const HAND_OVER_DEADLINE_MS = 10_000;
/** Of that end's time, for sending what is in the spools by then. */
const LAST_SENDING_MS = 1500;

/** The thread's own port as a link. Messages that arrive before the collector is up wait in the port. */
function portLink(port: MessagePort): AgentLink {
  return {
    onMessage: (listener) => port.on('message', listener),
    onClose: (closed) => port.once('close', closed),
    send: (message: CollectorMessage) => port.postMessage(message),
    close: () => port.close(),
  };
}

async function main(port: MessagePort, input: WorkerInput): Promise<void> {
  const { config, source, place, spoolOnly } = input;
  const farewell = new Farewell(input.farewell);
  const link = new RingLink(portLink(port), input.ring);
  const onClaimed = () => {
    link.mute();
    void collector?.shutdown(HAND_OVER_DEADLINE_MS).finally(() => link.close());
  };
  const asked = { config, log: logToStderr, host: source, place, onClaimed };
  const collector: Collector | null = spoolOnly ? null : await started(asked, link);
  if (collector === null) {
    leaveWhatComes(link, input, farewell);
    return;
  }
  let isKnown = false;
  const stop = async () => {
    await collector.shutdown(SHUTDOWN_DEADLINE_MS);
    // Who was never told that it started is not told that it stopped.
    if (isKnown) sayKept(collector, logToStderr);
  };
  collector.attach(link, () => void stop().finally(() => farewell.end()));
  link.send({ type: 'started', notice: await collector.ready });
  isKnown = true;
}

/** `null` when it cannot be. */
async function started(
  options: Parameters<typeof startCollector>[0],
  link: AgentLink,
): Promise<Collector | null> {
  try {
    return await startCollector(options);
  } catch (error) {
    const portTaken = error instanceof NervecenterError && error.code === 'NC_PORT_TAKEN';
    link.send({ type: 'failed', notice: describeError(error), portTaken });
    return null;
  }
}

/** The process may be ending already: what is in the port has no other way any more. */
function leaveWhatComes(link: AgentLink, input: WorkerInput, farewell: Farewell): void {
  const last = new LastMessages();
  link.onMessage((message) => {
    if (!last.take(message)) return;
    leave(input, last, () => accept(link, last)).then(
      (problems) => farewell.end(problems.join(' ')),
      (error: unknown) => farewell.end(describeError(error)),
    );
  });
}

function accept(link: AgentLink, { batches }: LastMessages): void {
  for (const { batch } of batches) link.send({ type: 'accepted', batch });
}

/**
 * Leaves in the spools what a process still had to send: no server, no alerts, no look at the host.
 *
 * @returns what else there is to tell, in sentences.
 */
async function leave(
  { config, source }: WorkerInput,
  { batches, points: told }: LastMessages,
  onKept: () => void,
): Promise<string[]> {
  const problems: string[] = [];
  const noted = <T>(work: Promise<T>, otherwise: T) =>
    work.catch((error: unknown) => {
      problems.push(describeError(error));
      return otherwise;
    });
  const pricer = await noted(lastPricer(config.pricesPath), null);
  const price = pricer ?? createPricer({ overridesPath: null, log: () => {} });
  const users = lastPseudonyms(config);
  const hide = (event: NervecenterEvent) => users?.event(event) ?? event;
  const priced = batches.map((batch) => ({
    ...batch,
    events: batch.events.map((event) => hide(withCost(event, price))),
    sent: [batch.instanceId, batch.batch] as const,
  }));
  const points = users?.points(told) ?? told;
  const sent = sentOf(config, source, users);
  const exporter = await noted(lastExporter(sent.config, sent.host ?? source), null);
  exporter?.addPoints(points, source.instanceId);
  for (const { events, sent } of priced) await exporter?.offer(events, sent);
  if (config.local === 'on' && config.storage === 'on') {
    const meter = new EventMeter();
    const measuring = { measure: meter.measure.bind(meter), show: () => {} };
    const lots = priced.map(({ events, sent, again }) => {
      return { events: storedAmong(events, config), points: [], sent: [sent], again };
    });
    const own = { events: [], points: points.filter(isLasting), sent: [], again: false };
    const problem = await leaveInSpool({ config, measuring }, [own, ...lots]);
    if (problem !== '') problems.push(problem);
  }
  onKept();
  await exporter?.shutdown(LAST_SENDING_MS);
  return problems;
}

async function lastPricer(overridesPath: string | null): Promise<Pricer> {
  return createPricer({ overridesPath, log: () => {} });
}

/** Loaded only where there is something to send to. */
async function lastExporter(config: Config, host: Source): Promise<OtlpExporter | null> {
  if (config.otlpTargets.length === 0) return null;
  const { createOtlpExporter } = await import('./sinks/otlp/exporter.ts');
  const exporter = await createOtlpExporter({ config, log: () => {}, host });
  await exporter.start();
  exporter.join(host);
  return exporter;
}

if (parentPort !== null) void main(parentPort, workerData as WorkerInput);
