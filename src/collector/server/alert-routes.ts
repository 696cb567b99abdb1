import { NervecenterError } from '../../core/errors.ts';
import { parseJson } from '../../core/json.ts';
import { KIB } from '../../core/units.ts';
import { readBody } from './request-body.ts';
import { respondJson } from './respond.ts';
import type { Exchange, Route } from './routes.ts';

/** Whoever keeps and judges the rules. Every method answers with what becomes JSON, and throws what becomes a problem. */
export interface AlertSources {
  list(): object;
  events(search: URLSearchParams): Promise<object>;
  save(body: unknown): Promise<object>;
  remove(body: unknown): Promise<object>;
  silence(body: unknown): Promise<object>;
  test(body: unknown): Promise<object>;
}

const BODY_BYTES_MAX = 32 * KIB;
const ALERTS_PATH = '/api/metrics/alerts';

type Write = 'save' | 'remove' | 'silence' | 'test';

/** Writes are POST, each on a path of its own, so that the gate checks their origin as of every other. */
export function alertRoutes(alerts: AlertSources | undefined): [string, Route][] {
  const read = (answer: (sources: AlertSources, search: string) => object | Promise<object>) => ({
    GET: async ({ response, search }: Exchange) =>
      respondJson(response, 200, await answer(present(alerts), search)),
  });
  const write = (act: Write) => ({
    POST: async (exchange: Exchange) =>
      respondJson(exchange.response, 200, await present(alerts)[act](await readJson(exchange))),
  });
  return [
    [ALERTS_PATH, { open: false, methods: { ...read((sources) => sources.list()), ...write('save') } }],
    [
      `${ALERTS_PATH}/events`,
      { open: false, methods: read((sources, search) => sources.events(new URLSearchParams(search))) },
    ],
    [`${ALERTS_PATH}/remove`, { open: false, methods: write('remove') }],
    [`${ALERTS_PATH}/silence`, { open: false, methods: write('silence') }],
    [`${ALERTS_PATH}/test`, { open: false, methods: write('test') }],
  ];
}

function present(alerts: AlertSources | undefined): AlertSources {
  if (alerts !== undefined) return alerts;
  throw new NervecenterError('NC_UNAVAILABLE', 'There are no alerts here.');
}

async function readJson({ request }: Exchange): Promise<unknown> {
  const text = await readBody(request, { bytesMax: BODY_BYTES_MAX, what: 'A rule' });
  try {
    return parseJson(text);
  } catch {
    throw new NervecenterError('NC_BAD_REQUEST', 'Expected a body of JSON, at most 32 deep.');
  }
}
