import { mean } from '../../../core/histogram.ts';
import type { InstrumentSpec } from '../../../core/signals/instruments.ts';
import {
  DIRECTION,
  RECEIVE,
  TRANSMIT,
  WS_BYTES,
  WS_CONNECTIONS,
  WS_MESSAGES,
  WS_OPENED,
  WS_SESSION_DURATION,
} from '../../../core/signals/ws-session.ts';
import type { WebSocketSnapshot } from '../../../core/snapshot.ts';
import { round, sumOf } from './numbers.ts';
import { type LiveView, windowOf } from './view.ts';

export function websocketSection(view: LiveView): WebSocketSnapshot {
  const { store } = view;
  const total = ({ name }: InstrumentSpec, direction: string) =>
    sumOf(store.counters(name), (series) => (series.attributes[DIRECTION] === direction ? series.total : 0));
  return {
    connections_active: sumOf(store.gauges(WS_CONNECTIONS.name), (series) =>
      sumOf(series.values.values(), (n) => n),
    ),
    connections_total: sumOf(store.counters(WS_OPENED.name), (series) => series.total),
    messages_in: total(WS_MESSAGES, RECEIVE),
    messages_out: total(WS_MESSAGES, TRANSMIT),
    bytes_in: total(WS_BYTES, RECEIVE),
    bytes_out: total(WS_BYTES, TRANSMIT),
    session_avg_seconds: round(mean(windowOf(view, store.histograms(WS_SESSION_DURATION.name))), 1),
  };
}
