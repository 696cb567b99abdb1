import { createHash } from 'node:crypto';
import { escapeLiteral } from 'pg';
import type { Attributes, Point } from '../../../../core/frame.ts';
import {
  fromMeasured,
  fromRetracted,
  mergePoints,
  netOf,
  seriesOf,
  storedAttributes,
  toMeasured,
} from '../../../../core/measured.ts';
import { SECOND_MS } from '../../../../core/units.ts';
import { WINDOW_KEPT_MS } from '../schema/retention.ts';
import type { BatchFacts } from '../spool/batch.ts';

const DIGEST = 'sha1';

/**
 * The statements that add what some batches measured to the totals and to the window, and note whose batches they were; to be
 * run in the transaction of their rows. Empty when there is nothing to add. Rows are locked in one order, so that two
 * collectors cannot lock each other out.
 */
export function addStatements(batches: readonly BatchFacts[], nowMs: number): string {
  const measured = mergePoints(batches.flatMap((batch) => fromMeasured(batch.measured)));
  const carried = batches.flatMap((batch) => fromMeasured(batch.carried));
  const retracted = batches.flatMap((batch) => fromRetracted(batch.retracted));
  const others = [...carried, ...retracted];
  return [
    totalsStatement(others.length === 0 ? measured : netOf([...measured, ...others])),
    windowStatement(batches, measured, nowMs),
    ...batches.flatMap((batch) => retractedStatements(batch, nowMs)),
    sendersStatement(batches),
  ].join('');
}

/** The statement that adds points to the totals; empty when there are none. */
export function totalsStatement(points: readonly Point[]): string {
  if (points.length === 0) return '';
  const rows = points.map((point) => ({
    ...seriesRow(point.name, storedAttributes(point)),
    count: point.kind === 'histogram' ? point.count : 0,
    sum: point.kind === 'histogram' ? point.sum : point.value,
    zero_count: point.kind === 'histogram' ? point.zeroCount : 0,
  }));
  return (
    'INSERT INTO enterprise.totals AS total (metric, series, attributes, count, sum, zero_count) ' +
    `SELECT * FROM jsonb_to_recordset(${jsonb(rows)}) ` +
    'AS added(metric text, series text, attributes jsonb, count float8, sum float8, zero_count float8) ' +
    'ORDER BY metric, series ON CONFLICT (metric, series) DO UPDATE SET count = total.count + excluded.count, ' +
    'sum = total.sum + excluded.sum, zero_count = total.zero_count + excluded.zero_count; '
  );
}

function seriesRow(metric: string, attributes: Attributes) {
  const series = createHash(DIGEST)
    .update(seriesOf({ name: metric, attributes }))
    .digest('hex');
  return { metric, series, attributes };
}

/** Together at the time of the last batch: batches that are stored together were made within a second, or wait for long. */
function windowStatement(batches: readonly BatchFacts[], measured: readonly Point[], nowMs: number): string {
  const atMs = Math.max(...batches.map((batch) => batch.atMs));
  if (measured.length === 0 || !(atMs > nowMs - WINDOW_KEPT_MS)) return '';
  return (
    'INSERT INTO enterprise.nervecenter_window (at, measured) ' +
    `VALUES (to_timestamp(${atMs / SECOND_MS}), ${jsonb(toMeasured(measured))}); `
  );
}

/** Taken off where it was counted, so that it leaves the window with what it takes back. */
function retractedStatements({ retracted = [] }: BatchFacts, nowMs: number): string[] {
  return retracted
    .filter(([countedMs]) => countedMs > nowMs - WINDOW_KEPT_MS)
    .map(
      ([countedMs, measured]) =>
        'INSERT INTO enterprise.nervecenter_window (at, measured) ' +
        `VALUES (to_timestamp(${countedMs / SECOND_MS}), ${jsonb(measured)}); `,
    );
}

function sendersStatement(batches: readonly BatchFacts[]): string {
  const last = new Map<string, number>();
  for (const [instanceId, batch] of batches.flatMap(({ sent }) => sent))
    last.set(instanceId, Math.max(batch, last.get(instanceId) ?? 0));
  if (last.size === 0) return '';
  const rows = [...last].map(([instance_id, batch]) => ({ instance_id, batch }));
  return (
    'INSERT INTO enterprise.nervecenter_senders AS sender (instance_id, batch) ' +
    `SELECT * FROM jsonb_to_recordset(${jsonb(rows)}) AS sent(instance_id uuid, batch bigint) ORDER BY instance_id ` +
    'ON CONFLICT (instance_id) DO UPDATE SET batch = greatest(sender.batch, excluded.batch), seen_at = now(); '
  );
}

const jsonb = (value: unknown): string => `${escapeLiteral(JSON.stringify(value))}::jsonb`;
