import type { MetricsState } from '../client/metrics-state.ts';
import { NervecenterError } from '../core/errors.ts';
import { type Access, createStore, fetchAlerts } from './access.ts';
import { createPainter } from './drawing/palette.ts';
import { FIRST_VIEW } from './keyboard.ts';
import { renderScreen } from './screen.ts';
import { NO_TRENDS, withTrend } from './trends.ts';

const plain = createPainter(1);

/**
 * One frame of everything there is to say, as plain text.
 *
 * @throws NervecenterError `NC_UNAUTHENTICATED` when the collector asks for another token, `NC_UNAVAILABLE` when it
 * gives no figures.
 */
export async function oneFrame(access: Access, columns: number): Promise<string> {
  const store = createStore(access);
  await store.fetchSnapshot();
  let seen: MetricsState | null = null;
  store.subscribe((state) => {
    seen = state;
  })();
  const metrics = answered(seen, access);
  const { lines } = renderScreen(
    {
      metrics,
      alerts: await fetchAlerts(access),
      trends: metrics.snapshot === null ? NO_TRENDS : withTrend(NO_TRENDS, metrics.snapshot),
      view: FIRST_VIEW,
      target: access.url,
      nowMs: Date.now(),
    },
    { columns, rows: null },
  );
  return lines.map((line) => `${plain(line).trimEnd()}\n`).join('');
}

function answered(state: MetricsState | null, { url, hasToken }: Access): MetricsState {
  if (state?.snapshot) return state;
  if (state?.loginNeeded) {
    throw new NervecenterError(
      'NC_UNAUTHENTICATED',
      `The collector at ${url} expected its admin token, got ${hasToken ? 'another one' : 'none'}. Set NERVECENTER_ADMIN_TOKEN, or start in the directory where its data directory is.`,
    );
  }
  throw new NervecenterError(
    'NC_UNAVAILABLE',
    `${whatCame(state?.error ?? null, url)}: start an app under the agent, or a collector with \`nervecenter collector\`, or give the address of a running one by --url.`,
  );
}

/** `The collector at http://… cannot be reached`: where it did not answer as it should. */
function whatCame(error: string | null, url: string): string {
  const collector = `The collector at ${url}`;
  return error?.replace(/^The collector/, () => collector) ?? `${collector} gave no answer`;
}
