import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { NervecenterError } from '../../core/errors.ts';
import { SECOND_MS } from '../../core/units.ts';
import type { MetricFamily } from '../metric-family.ts';
import { exposition } from '../prometheus/exposition.ts';
import { formatFor } from '../prometheus/format.ts';
import { SECURITY_HEADERS } from './respond.ts';
import type { ServerStatistics } from './statistics.ts';

/** Scrapes at once; a scraper polls one at a time, so more means something is wrong or hostile. */
const SCRAPES_MAX = 4;
/** After so long at a stretch the stream and the API get their turn. */
const SLICE_MS = 2;
/** A scraper that has not read everything by then is cut off; Prometheus itself gives up after 10 s. */
const SCRAPE_TIMEOUT_MS = 30 * SECOND_MS;

/** Answers `/metrics` piece by piece, so that a scrape of any size blocks the event loop for a few milliseconds at a time. */
export class Scrapes {
  readonly #families: () => Iterable<MetricFamily>;
  readonly #statistics: ServerStatistics;
  #running = 0;

  constructor(families: () => Iterable<MetricFamily>, statistics: ServerStatistics) {
    this.#families = families;
    this.#statistics = statistics;
  }

  /** @throws NervecenterError `NC_UNAVAILABLE` when too many scrapes are running. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#running >= SCRAPES_MAX) {
      this.#statistics.scrapesRefused++;
      throw new NervecenterError(
        'NC_UNAVAILABLE',
        `${SCRAPES_MAX} scrapes are running already. Try again later.`,
      );
    }
    this.#running++;
    const deadline = setTimeout(() => response.destroy(), SCRAPE_TIMEOUT_MS);
    deadline.unref();
    try {
      await this.#write(request, response);
    } finally {
      clearTimeout(deadline);
      this.#running--;
    }
  }

  async #write(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { format, contentType } = formatFor(request.headers.accept);
    const chunks = exposition(this.#families(), format);
    // The first piece before the head: a source that fails can still be answered as a failure.
    let next = chunks.next();
    response.writeHead(200, {
      ...SECURITY_HEADERS,
      'cache-control': 'no-store',
      'content-type': contentType,
      vary: 'Accept',
    });
    let sliceEndsAt = performance.now() + SLICE_MS;
    while (request.method !== 'HEAD' && !next.done && !response.destroyed) {
      if (next.value.length > 0 && !response.write(next.value)) await drained(response);
      if (performance.now() >= sliceEndsAt) {
        await nextTurn();
        sliceEndsAt = performance.now() + SLICE_MS;
      }
      next = chunks.next();
    }
    response.end();
  }
}

async function drained(response: ServerResponse): Promise<void> {
  if (response.destroyed) return;
  const settled = new AbortController();
  try {
    const { signal } = settled;
    await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]);
  } catch {
    // The connection failed: the loop sees that the response is destroyed.
  } finally {
    settled.abort();
  }
}
