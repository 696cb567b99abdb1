import type { Load } from './call-all.ts';
import { everyHostIsHere } from './named-hosts.ts';

/** Where the stand-ins of stores and caches listen, and the app's own database. */
export interface Places {
  readonly stores: number;
  readonly redis: number;
  readonly database: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly database: string;
  };
}

type Queries = Readonly<Record<string, () => Promise<unknown>>>;
type Package<T> = { readonly default: T } & T;

const vector = [0.1, 0.2];
const apiKey = 'test-key';

/** Runs every query as a RAG query of its own, those of retrievers by themselves. `node retrieval.mjs <port> <HTTP/2 port> <places>` */
export async function queryAll(load: Load): Promise<void> {
  everyHostIsHere();
  const [, , port = '', , places = ''] = process.argv;
  const at = JSON.parse(places) as Places;
  const { ragQuery, withUser } = (await load('nervecenter')) as typeof import('../../../src/index.ts');
  const queries = {
    ...(await ofStores(load, at)),
    ...(await ofCaches(load, at)),
    ...(await ofAll(load, at, port)),
    ...(await ofAiSdk(load, at, port)),
  };
  for (const [name, query] of Object.entries(queries))
    await ragQuery({ query: name, userEmail: name }, query);
  for (const [name, retrieve] of Object.entries(await ofRetrievers(load, at, port)))
    await withUser({ email: name }, retrieve);
}

async function ofStores(load: Load, { stores, database }: Places): Promise<Queries> {
  const { QdrantClient } = (await load('@qdrant/js-client-rest')) as typeof import('@qdrant/js-client-rest');
  const { Pinecone } = (await load(
    '@pinecone-database/pinecone',
  )) as typeof import('@pinecone-database/pinecone');
  const { ChromaClient } = (await load('chromadb')) as typeof import('chromadb');
  const pg = (await load('pg')) as Package<typeof import('pg')>;
  const qdrant = new QdrantClient({ url: `http://qdrant.test:${stores}`, checkCompatibility: false });
  const pinecone = new Pinecone({ apiKey }).index({ host: `http://docs-1.svc.pinecone.io:${stores}` });
  const chroma = new ChromaClient({ host: 'chroma.test', port: stores, ssl: false });
  const embeddingFunction = { name: 'none', generate: async () => [vector] };
  const docs = await chroma.getCollection({ name: 'docs', embeddingFunction });
  return {
    qdrant: () => qdrant.query('docs', { query: vector, limit: 3 }),
    pinecone: () => pinecone.query({ topK: 2, vector }),
    chromadb: () => docs.query({ queryEmbeddings: [vector], nResults: 2 }),
    pg: async () => {
      const pool = new pg.Pool(database);
      await pool.query('SELECT id FROM docs ORDER BY embedding <=> $1 LIMIT 2', [vector]);
      await pool.end();
    },
  };
}

async function ofCaches(load: Load, places: Places): Promise<Queries> {
  const { Redis } = (await load('ioredis')) as typeof import('ioredis');
  const { createClient } = (await load('redis')) as typeof import('redis');
  const { LRUCache } = (await load('lru-cache')) as typeof import('lru-cache');
  const loaded = (await load('node-cache')) as Package<typeof import('node-cache')>;
  const NodeCache = loaded.default ?? loaded;
  const host = '127.0.0.1';
  const port = places.redis;
  return {
    ioredis: async () => {
      const client = new Redis(port, host);
      await client.set('rag:there', 'v');
      await client.get('rag:there');
      client.disconnect();
    },
    redis: async () => {
      const client = createClient({ socket: { port, host } });
      await client.connect();
      await client.get('emb:none');
      await client.close();
    },
    'lru-cache': async () => new LRUCache({ max: 1 }).get('rag:none'),
    'node-cache': async () => {
      const cache = new NodeCache({ checkperiod: 0 });
      cache.set('emb:there', 'v');
      cache.get('emb:there');
    },
  };
}

/** A whole query: embedded, searched, reranked, answered. */
async function ofAll(load: Load, { stores }: Places, port: string): Promise<Queries> {
  const { OpenAI } = (await load('openai')) as typeof import('openai');
  const { CohereClientV2 } = (await load('cohere-ai')) as typeof import('cohere-ai');
  const { QdrantClient } = (await load('@qdrant/js-client-rest')) as typeof import('@qdrant/js-client-rest');
  const openai = new OpenAI({ apiKey, baseURL: `http://api.openai.com:${port}/v1` });
  const cohere = new CohereClientV2({ token: apiKey, environment: `http://api.cohere.com:${port}` });
  const qdrant = new QdrantClient({ url: `http://qdrant.test:${stores}`, checkCompatibility: false });
  return {
    whole: async () => {
      await openai.embeddings.create({
        model: 'text-embedding-3-small',
        input: 'Why?',
        encoding_format: 'float',
      });
      await qdrant.query('docs', { query: vector, limit: 3 });
      await cohere.rerank({ model: 'rerank-v3.5', query: 'Why?', documents: ['a', 'b'] });
      const messages = [{ role: 'user' as const, content: 'Why?' }];
      await openai.chat.completions.create({ model: 'gpt-4o-mini', messages });
    },
  };
}

/** The same with the AI SDK. */
async function ofAiSdk(load: Load, { stores }: Places, port: string): Promise<Queries> {
  const { embed, generateText, rerank } = (await load('ai')) as typeof import('ai');
  const { createOpenAI } = (await load('@ai-sdk/openai')) as typeof import('@ai-sdk/openai');
  const { createCohere } = (await load('@ai-sdk/cohere')) as typeof import('@ai-sdk/cohere');
  const { QdrantClient } = (await load('@qdrant/js-client-rest')) as typeof import('@qdrant/js-client-rest');
  const openai = createOpenAI({ apiKey, baseURL: `http://api.openai.com:${port}/v1` });
  const cohere = createCohere({ apiKey, baseURL: `http://api.cohere.com:${port}/v2` });
  const qdrant = new QdrantClient({ url: `http://qdrant.test:${stores}`, checkCompatibility: false });
  return {
    'AI SDK': async () => {
      await embed({ model: openai.embedding('text-embedding-3-small'), value: 'Why?' });
      await qdrant.query('docs', { query: vector, limit: 3 });
      await rerank({ model: cohere.reranking('rerank-v3.5'), query: 'Why?', documents: ['a', 'b'] });
      await generateText({ model: openai('gpt-5.4'), prompt: 'Why?' });
    },
  };
}

/** Retrievers over a store that is asked over HTTP, and over none. */
async function ofRetrievers(load: Load, { stores }: Places, port: string): Promise<Queries> {
  const { BaseRetriever } = (await load(
    '@llamaindex/core/retriever',
  )) as typeof import('@llamaindex/core/retriever');
  const { TextNode } = (await load('@llamaindex/core/schema')) as typeof import('@llamaindex/core/schema');
  const { OpenAI } = (await load('openai')) as typeof import('openai');
  const { QdrantClient } = (await load('@qdrant/js-client-rest')) as typeof import('@qdrant/js-client-rest');
  const openai = new OpenAI({ apiKey, baseURL: `http://api.openai.com:${port}/v1` });
  const qdrant = new QdrantClient({ url: `http://qdrant.test:${stores}`, checkCompatibility: false });
  class Retriever extends BaseRetriever {
    static open() {
      return new Retriever();
    }
    override async _retrieve() {
      const model = 'text-embedding-3-small';
      await openai.embeddings.create({ model, input: 'Why?', encoding_format: 'float' });
      const { points } = await qdrant.query('docs', { query: vector, limit: 3 });
      return points.slice(0, 2).map(({ score }) => ({ node: new TextNode({ text: 'a' }), score }));
    }
  }
  return { LlamaIndex: () => Retriever.open().retrieve('Why?') };
}
