import { allows } from '../../core/access/token.ts';
import { NervecenterError } from '../../core/errors.ts';
import { parseJson } from '../../core/json.ts';
import { KIB } from '../../core/units.ts';
import { readBody } from './request-body.ts';
import { respondJson } from './respond.ts';
import type { Action, Exchange, Route } from './routes.ts';

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
  const read = (answer: (sources: AlertSources, exchange: Exchange) => object | Promise<object>): Action => ({
    access: 'viewer',
    handle: async (exchange) => respondJson(exchange.response, 200, await answer(present(alerts), exchange)),
  });
  const write = (act: Write): Action => ({
    access: 'admin',
    handle: async (exchange) =>
      respondJson(exchange.response, 200, await present(alerts)[act](await readJson(exchange))),
  });
  const list = read((sources, { identity }) => ({
    ...sources.list(),
    may_change: identity !== null && allows(identity.role, 'admin'),
  }));
  const events = read((sources, { search }) => sources.events(new URLSearchParams(search)));
  return [
    [ALERTS_PATH, { methods: { GET: list, POST: write('save') } }],
    [`${ALERTS_PATH}/events`, { methods: { GET: events } }],
    [`${ALERTS_PATH}/remove`, { methods: { POST: write('remove') } }],
    [`${ALERTS_PATH}/silence`, { methods: { POST: write('silence') } }],
    [`${ALERTS_PATH}/test`, { methods: { POST: write('test') } }],
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
