import { type StubServer, sendJson, startStub } from '../agent/llm/support/stub-server.ts';

const point = (id: number, score: number) => ({ id, version: 1, score });
const CHROMA = '/api/v2/tenants/default_tenant/databases/default_database/collections';
const COLLECTION = '7f3c9a52-9f7b-4b4e-8a55-2f0f3f1c4c11';

/** What the stores answer, by path. */
const ANSWERS: Readonly<Record<string, unknown>> = {
  '/collections/docs/points/query': {
    ...{ status: 'ok', time: 0.001 },
    result: { points: [point(1, 0.9), point(2, 0.5), point(3, 0.1)] },
  },
  '/query': {
    matches: [
      { id: 'a', score: 0.75, values: [] },
      { id: 'b', score: 0.25, values: [] },
    ],
    namespace: '',
    usage: { readUnits: 1 },
  },
  '/api/v2/pre-flight-checks': { max_batch_size: 1000 },
  '/api/v2/auth/identity': { tenant: 'default_tenant', databases: ['default_database'], user_id: '' },
  [`${CHROMA}/docs`]: {
    ...{ id: COLLECTION, name: 'docs', metadata: null, configuration_json: {}, dimension: 2 },
    ...{ tenant: 'default_tenant', database: 'default_database' },
  },
  [`${CHROMA}/${COLLECTION}/query`]: { ids: [['a', 'b']], distances: [[0.1, 0.2]], include: ['distances'] },
};

/** Qdrant, Pinecone and Chroma, as far as a search goes. */
export async function startVectorStores(): Promise<StubServer> {
  const server = await startStub();
  server.handler = (request, response) => {
    const answer = ANSWERS[(request.url ?? '').split('?', 1)[0] ?? ''];
    sendJson(response, answer === undefined ? 404 : 200, answer ?? { error: `no answer to ${request.url}` });
  };
  return server;
}

/** An operator of pgvector on arrays: the extension is not among the bundled binaries, the statements are the same. */
export const PGVECTOR = `
  CREATE FUNCTION distance(a float8[], b float8[]) RETURNS float8 LANGUAGE sql IMMUTABLE AS
    'SELECT sqrt(sum((x - y) ^ 2)) FROM unnest(a, b) AS t(x, y)';
  CREATE OPERATOR <=> (LEFTARG = float8[], RIGHTARG = float8[], FUNCTION = distance);
  CREATE TABLE docs (id int, embedding float8[]);
  INSERT INTO docs VALUES (1, '{1,2}'), (2, '{3,4}'), (3, '{5,6}');`;
