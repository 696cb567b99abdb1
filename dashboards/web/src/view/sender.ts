import { HISTORY } from '../../../../src/core/history/catalogue.ts';
import { isHostMetric } from '../../../../src/core/history/host-metrics.ts';
import type { SenderFilter } from '../../../../src/core/history/sender-filter.ts';
import type { SignalName } from '../../../../src/core/signals/index.ts';
import type { InstanceSnapshot, Snapshot } from '../../../../src/core/snapshot.ts';

interface Question {
  readonly signal: SignalName;
  readonly filters?: Readonly<Record<string, string>>;
  /** One event, or one trace, is the same whoever is looked at. */
  readonly id?: string;
  readonly traceId?: string;
}

/** The question about the senders that the page shows; a filter of its own goes first, and a host is nobody's. */
export function askedOf<Q extends Question>(question: Q, sender: SenderFilter): Q {
  const { signal, filters = {}, id = '', traceId = '' } = question;
  if (id !== '' || traceId !== '' || (signal === 'system' && isHostMetric(filters['metric'] ?? '')))
    return question;
  const wanted = Object.entries(sender).filter(
    ([dimension, value]) => value !== null && HISTORY[signal].dimensions.includes(dimension),
  );
  return wanted.length === 0
    ? question
    : { ...question, filters: { ...Object.fromEntries(wanted), ...filters } };
}

/**
 * What the processes of a snapshot are called: service, host and pid. One that is gone for long is known by its id alone, of
 * which the beginning is told.
 */
export function senderNames(
  snapshot: Pick<Snapshot, 'instances' | 'filter'> | null,
): (dimension: string, value: string) => string | null {
  const senders = new Map(sendersOf(snapshot).map((sender) => [sender.instance_id, sender]));
  return (dimension, value) => {
    if (dimension !== 'instance') return null;
    const sender = senders.get(value);
    if (sender !== undefined)
      return [sender.service, whereOf(sender)].filter((part) => part !== '').join(' · ');
    return UUID.test(value) ? `gone process ${value.slice(0, UUID_START)}` : null;
  };
}

/** Everybody, whoever's figures are shown. */
export function sendersOf(
  snapshot: Pick<Snapshot, 'instances' | 'filter'> | null,
): readonly InstanceSnapshot[] {
  return snapshot?.filter?.senders ?? snapshot?.instances ?? [];
}

/** One line of the choice. */
export interface SenderChoice extends SenderFilter {
  readonly label: string;
}

const UUID_START = 8;
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/** Services by name, each followed by its processes where it has several. */
export function senderChoices(senders: readonly InstanceSnapshot[]): SenderChoice[] {
  const byService = [...Map.groupBy(senders, ({ service }) => service)];
  return byService
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([service, own]) => [
      { service, instance: null, label: own.length > 1 ? `${service} (${own.length})` : service },
      ...(own.length > 1 ? own.map(choiceOf) : []),
    ]);
}

function whereOf({ host, pid }: InstanceSnapshot): string {
  return [host, pid === 0 ? '' : String(pid)].filter((part) => part !== '').join(' · ');
}

function choiceOf(sender: InstanceSnapshot): SenderChoice {
  const { service, instance_id, up } = sender;
  const where = whereOf(sender);
  const label = `${where === '' ? instance_id.slice(0, UUID_START) : where}${up ? '' : ' (gone)'}`;
  return { service, instance: instance_id, label };
}
