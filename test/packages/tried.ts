import { globSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');

/** A package that an app of the tests really uses. */
export interface Trial {
  /** As they are installed here: an alias stands for the package behind it. */
  readonly packages: readonly string[];
  /** What is seen of it. */
  readonly seen: string;
  /** What is not, or not in every case. */
  readonly limits?: string;
}

/**
 * What was tried with real packages. A test takes its name from here (`tried('express')`), so a row that no test holds is
 * found by `test/tidy/compatibility.test.ts`, and `docs/compatibility.md` has the versions that these tests ran with.
 */
export const TRIALS = {
  'Servers over HTTP': {
    express: {
      packages: ['express'],
      seen: 'requests by the template of their route, nested routers, errors',
    },
    express4: { packages: ['express4'], seen: 'the same' },
    fastify: { packages: ['fastify'], seen: 'requests by the template of their route, with prefixes' },
    koa: {
      packages: ['koa', '@koa/router'],
      seen: 'requests by the template of the route that answered',
      limits: 'without `@koa/router`, or one that does as it does, there is no route to know',
    },
    hono: {
      packages: ['hono', '@hono/node-server'],
      seen: 'requests by the template of the handler that answered, all presets',
    },
    ws: {
      packages: ['ws'],
      seen: 'sessions, messages, bytes and how they closed; `noServer` and paths as well',
    },
  },
  'Calls of models': {
    openai: { packages: ['openai'], seen: 'chat and responses, whole and streamed; embeddings; retries' },
    groq: { packages: ['groq-sdk'], seen: 'chat, whole and streamed; retries' },
    ai: {
      packages: ['ai', '@ai-sdk/openai', '@ai-sdk/cohere'],
      seen: '`generateText`, `streamText`, `embed`, `embedMany`, `rerank`',
    },
    langchain: {
      packages: ['@langchain/core', '@langchain/openai'],
      seen: '`invoke`, `stream`, `embedQuery`',
    },
    anthropic: { packages: ['@anthropic-ai/sdk'], seen: 'messages, whole and streamed; retries' },
    google: {
      packages: ['@google/genai'],
      seen: '`generateContent`, whole and streamed, `embedContent`; retries',
      limits: 'embeddings have no tokens: the API tells none',
    },
    cohere: { packages: ['cohere-ai'], seen: 'chat, whole and streamed, embed, rerank; retries' },
    mistral: {
      packages: ['@mistralai/mistralai'],
      seen: 'chat, whole and streamed, embeddings; retries',
    },
    ollama: { packages: ['ollama'], seen: 'chat, whole and streamed, embed' },
    bedrock: {
      packages: ['@aws-sdk/client-bedrock-runtime'],
      seen: '`Converse`, `ConverseStream`, `InvokeModel`; retries',
    },
  },
  'Stores, caches and retrieval': {
    qdrant: { packages: ['@qdrant/js-client-rest'], seen: 'vector searches, their chunks and scores' },
    pinecone: { packages: ['@pinecone-database/pinecone'], seen: 'vector searches, their chunks and scores' },
    chromadb: {
      packages: ['chromadb'],
      seen: 'vector searches and their chunks',
      limits: 'it tells distances, which are no scores',
    },
    pgvector: {
      packages: ['pg'],
      seen: 'queries by an operator of pgvector, their rows as chunks',
      limits: 'scores are not read from rows',
    },
    ioredis: { packages: ['ioredis'], seen: 'look-ups by cache, one for each key; searches for vectors' },
    redis: { packages: ['redis'], seen: 'look-ups by cache, one for each key; searches for vectors' },
    lruCache: { packages: ['lru-cache'], seen: 'look-ups by cache, entries and bytes' },
    nodeCache: { packages: ['node-cache'], seen: 'look-ups by cache, entries and bytes' },
    cacheLayers: {
      packages: ['keyv', 'cache-manager'],
      seen: 'one look-up, whatever store is below',
    },
    memjs: { packages: ['memjs'], seen: 'look-ups by cache' },
    retrievalAi: {
      packages: ['ai', '@ai-sdk/openai', '@ai-sdk/cohere'],
      seen: 'a query with its stages embedding, search, rerank and generation',
    },
    retrievalLlamaIndex: {
      packages: ['@llamaindex/core'],
      seen: 'a query with its stages embedding and search',
    },
  },
  'Threads, and SDKs of the app': {
    piscina: { packages: ['piscina'], seen: 'what its threads do, once, as the process' },
    tracesOnly: {
      packages: ['@opentelemetry/sdk-trace', '@opentelemetry/instrumentation-net'],
      seen: "the app's metrics by the API, none of our sockets among its spans",
    },
  },
  'Instrumentations that send spans': {
    traceloop: {
      packages: ['@traceloop/instrumentation-openai'],
      seen: 'calls, tokens as the preload has them',
    },
    openinference: {
      packages: ['@arizeai/openinference-instrumentation-openai'],
      seen: 'calls, tokens as the preload has them',
    },
    otelOpenai: {
      packages: ['@opentelemetry/instrumentation-openai'],
      seen: 'calls and embeddings, tokens as the preload has them',
    },
    aiOtel: { packages: ['@ai-sdk/otel'], seen: 'calls and embeddings, tokens as the preload has them' },
    anthropicOtel: {
      packages: ['@anthropic-ai/sdk'],
      seen: 'calls by its own spans, tokens as the preload has them',
    },
  },
  'Tracers and shutdown hooks of the app': {
    sentry: {
      packages: ['@sentry/node'],
      seen: 'all rows of a request are in its trace, whatever caller it goes on in',
    },
    sdkNode: {
      packages: ['@opentelemetry/sdk-node', '@opentelemetry/instrumentation-http'],
      seen: 'the same, with `OTEL_PROPAGATORS=b3`',
    },
    nest: {
      packages: ['@nestjs/core'],
      seen: '`enableShutdownHooks`: the process dies by the signal, as without the agent',
    },
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Trial>>>>;

type Groups = typeof TRIALS;
export type TrialName = { [Group in keyof Groups]: keyof Groups[Group] }[keyof Groups];

/** The name of what is tested, with the versions it is tested in: `express 5.3.0`. */
export function tried(name: TrialName): string {
  return trialOf(name).packages.map(installed).join(', ');
}

function trialOf(name: TrialName): Trial {
  const all: Readonly<Record<string, Trial>> = Object.assign({}, ...Object.values(TRIALS));
  const trial = all[name];
  if (trial === undefined) throw new Error(`nothing is tried as ${name}`);
  return trial;
}

/** Name and version of a package, as its own manifest has them. */
export function installed(directory: string): string {
  const path = join(ROOT, 'node_modules', directory, 'package.json');
  const { name, version } = JSON.parse(readFileSync(path, 'utf8')) as Record<'name' | 'version', string>;
  return `${name} ${version}`;
}

/** The tables of docs/compatibility.md, with the test that holds each row. */
export function compatibilityTables(): string {
  const tests = testsOfTrials();
  const groups = Object.entries(TRIALS) as [string, Readonly<Record<string, Trial>>][];
  return groups
    .map(([heading, trials]) => {
      const rows = Object.entries(trials).map(([name, trial]) => rowOf(trial, tests.get(name)?.[0] ?? ''));
      return [`## ${heading}`, '', HEAD, ...rows].join('\n');
    })
    .join('\n\n');
}

const HEAD = '| package and version | what is seen | limits | test |\n|---|---|---|---|';

function rowOf({ packages, seen, limits = '' }: Trial, test: string): string {
  const names = packages.map((directory) => `\`${installed(directory)}\``);
  return `| ${names.join(', ')} | ${seen} | ${limits} | \`${test}\` |`;
}

/** The tests that take a name from here, by that name. */
export function testsOfTrials(): ReadonlyMap<string, readonly string[]> {
  const files = globSync('test/**/*.test.ts', { cwd: ROOT }).map((file) => file.replaceAll(sep, '/'));
  const found = files.toSorted().flatMap((file) => {
    const text = readFileSync(join(ROOT, file), 'utf8');
    return [...text.matchAll(/\btried\('(\w+)'\)/g)].map(([, name = '']) => ({ name, file }));
  });
  return new Map(
    [...Map.groupBy(found, ({ name }) => name)].map(([name, uses]) => [
      name,
      [...new Set(uses.map(({ file }) => file))],
    ]),
  );
}
