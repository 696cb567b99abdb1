import type { Source } from '../../core/frame.ts';
import type { NervecenterEvent, SignalName } from '../../core/signals/index.ts';

/** Processes remembered, those that have gone included: an app sends its last metrics as it ends. */
const PROCESSES_MAX = 10_000;

interface Process {
  readonly source: Source;
  readonly told: Set<SignalName>;
}

/** Which processes have an agent, and what those have told events of. */
export class AgentProcesses {
  readonly #processes = new Map<string, Process>();
  readonly #byService = new Map<string, Set<Process>>();

  join(source: Source): void {
    this.#forget(source.instanceId);
    const [oldest] = this.#processes.keys();
    if (this.#processes.size >= PROCESSES_MAX && oldest !== undefined) this.#forget(oldest);
    const process = { source, told: new Set<SignalName>() };
    this.#processes.set(source.instanceId, process);
    const ofService = this.#byService.get(source.service) ?? new Set();
    this.#byService.set(source.service, ofService.add(process));
  }

  /** @param events of one process. */
  told(events: readonly NervecenterEvent[]): void {
    const told = this.#processes.get(events[0]?.sender?.instanceId ?? '')?.told;
    for (const { signal } of events) told?.add(signal);
  }

  /** Whether the agent in the process that a sender says it is has told events of a signal. */
  tells(sender: Source, signal: SignalName): boolean {
    const same = this.#processes.get(sender.instanceId);
    if (same !== undefined) return same.told.has(signal);
    const ofService = this.#byService.get(sender.service) ?? [];
    return [...ofService].some(({ source, told }) => told.has(signal) && isSameProcess(source, sender));
  }

  /** Likewise of a sender that says which process it is: by its instance, or by its service, host and process id. */
  tellsOfSame(sender: Source, signal: SignalName): boolean {
    const isNamed = this.#processes.has(sender.instanceId) || (sender.host !== '' && sender.pid !== 0);
    return isNamed && this.tells(sender, signal);
  }

  #forget(instanceId: string): void {
    const process = this.#processes.get(instanceId);
    if (process === undefined) return;
    this.#processes.delete(instanceId);
    const ofService = this.#byService.get(process.source.service);
    ofService?.delete(process);
    if (ofService?.size === 0) this.#byService.delete(process.source.service);
  }
}

/**
 * An SDK beside the agent may call its instance otherwise; then the process tells. One that says neither its host nor its
 * process is taken for any of its service: a provider of metrics by itself says no more than the service's name.
 */
function isSameProcess(agent: Source, sender: Source): boolean {
  const isHost = sender.host === '' || sender.host === agent.host;
  const isProcess = sender.pid === 0 || sender.pid === agent.pid;
  return isHost && isProcess;
}
