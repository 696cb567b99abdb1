import type { EventBase } from '../../src/core/event.ts';
import type { ColumnValue, Signal } from '../../src/core/signals/signal.ts';

/** The event's values in the order of its signal's columns. */
export function toRow<E extends EventBase>({ columns }: Signal<E>, event: E): ColumnValue[] {
  return columns.map((column) => column.value(event));
}
