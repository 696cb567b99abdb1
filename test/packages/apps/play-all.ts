import { type Play, playsThrough, type Through } from '../recorded.ts';
import { drain, type Load, type Ports } from './call-all.ts';
import { everyHostIsHere } from './named-hosts.ts';

/** Bodies as the packages take them; recorded ones are whatever was sent. */
type Body = never;

/** A recorded call as a package makes it: `origin` stands for the provider's own. */
interface Call {
  readonly origin: string;
  /** Decoded, without a query. */
  readonly path: string;
  readonly body: Body;
  readonly serving: Play['serving'];
}

type Send = (call: Call) => Promise<unknown>;

/** Plays every recording of a package, one after the other, and says which did not go as recorded. `node replay.mjs <port> <HTTP/2 port> <package>` */
export async function playAll(load: Load): Promise<void> {
  everyHostIsHere();
  const [, , http = '', http2 = '', through = ''] = process.argv;
  const { withUser } = (await load('nervecenter')) as typeof import('../../../src/index.ts');
  const send = await SENDERS[through as Through](load);
  for (const play of playsThrough(through as Through)) {
    const failed = await withUser({ email: play.name }, () => send(callOf(play, { http, http2 }))).then(
      async (answer) => {
        if (isStream(answer)) await drain(answer);
      },
      (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
    );
    const { status } = play.exchange.response;
    if ((failed !== undefined) !== status >= 400) console.log(`${play.name}: ${failed?.stack ?? status}`);
  }
  process.exit();
}

function callOf({ exchange, serving, through }: Play, { http, http2 }: Ports): Call {
  const { host, pathname } = new URL(exchange.request.url);
  const port = through === 'bedrock' && serving !== 'HTTP/1.1' ? http2 : http;
  return {
    origin: `http://${host}:${port}`,
    path: decodeURIComponent(pathname),
    body: JSON.parse(exchange.request.body ?? '{}') as Body,
    serving,
  };
}

const isStream = (answer: unknown): answer is AsyncIterable<unknown> =>
  typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer;

const SENDERS: Readonly<Record<Through, (load: Load) => Promise<Send>>> = {
  anthropic,
  bedrock,
  cohere,
  google,
  langchain,
  openai,
  pinecone,
};

const apiKey = 'test-key';
const options = { apiKey, maxRetries: 0 };

async function anthropic(load: Load): Promise<Send> {
  const { Anthropic } = (await load('@anthropic-ai/sdk')) as typeof import('@anthropic-ai/sdk');
  return ({ origin, body }) => new Anthropic({ ...options, baseURL: origin }).messages.create(body);
}

async function openai(load: Load): Promise<Send> {
  const { OpenAI } = (await load('openai')) as typeof import('openai');
  return async ({ origin, path, body }) => {
    const client = new OpenAI({ ...options, baseURL: `${origin}/v1` });
    if (path.endsWith('/chat/completions')) return client.chat.completions.create(body);
    if (path.endsWith('/completions')) return client.completions.create(body);
    if (path.endsWith('/responses')) return client.responses.create(body);
    if (path.endsWith('/images/generations')) return client.images.generate(body);
    return client.embeddings.create(body);
  };
}

async function langchain(load: Load): Promise<Send> {
  const { ChatOpenAI } = (await load('@langchain/openai')) as typeof import('@langchain/openai');
  return ({ origin, body }) => {
    const { model, tools, messages } = body as { model: string; tools: Body; messages: Body };
    const chat = new ChatOpenAI({ model, ...options, configuration: { baseURL: `${origin}/v1` } });
    return chat.bindTools(tools).stream(messages);
  };
}

async function cohere(load: Load): Promise<Send> {
  const { CohereClient } = (await load('cohere-ai')) as typeof import('cohere-ai');
  return async ({ origin, path, body }) => {
    const client = new CohereClient({ token: apiKey, environment: origin, maxRetries: 0 });
    const { stream, ...fields } = body as Record<string, unknown>;
    const inCamels = Object.entries(fields).map(([key, value]) => [
      key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]);
    const asked = Object.fromEntries(inCamels) as Body;
    if (path.endsWith('/generate')) return stream ? client.generateStream(asked) : client.generate(asked);
    return stream ? client.chatStream(asked) : client.chat(asked);
  };
}

async function google(load: Load): Promise<Send> {
  const { GoogleGenAI } = (await load('@google/genai')) as typeof import('@google/genai');
  const authClient = { getRequestHeaders: async () => new Headers({ authorization: 'Bearer test' }) };
  return async ({ origin, path, body }) => {
    const [, apiVersion = '', project = '', location = '', model = '', method] = VERTEX.exec(path) ?? [];
    const client = new GoogleGenAI({
      ...{ vertexai: true, project, location, apiVersion },
      httpOptions: { baseUrl: origin },
      googleAuthOptions: { authClient: authClient as Body },
    });
    const { contents, tools } = JSON.parse(JSON.stringify(body), withNamedType) as {
      contents: Body;
      tools: Body;
    };
    const asked = { model, contents, config: { tools } };
    return method === 'streamGenerateContent'
      ? client.models.generateContentStream(asked)
      : client.models.generateContent(asked);
  };
}

/** Google's package for Python sends a schema's types as numbers, that for Node wants names. */
function withNamedType(key: string, value: unknown): unknown {
  return key === 'type' && typeof value === 'number' ? SCHEMA_TYPES[value] : value;
}

const SCHEMA_TYPES = ['TYPE_UNSPECIFIED', 'STRING', 'NUMBER', 'INTEGER', 'BOOLEAN', 'ARRAY', 'OBJECT'];

const VERTEX = /^\/(\w+)\/projects\/([^/]+)\/locations\/([^/]+)\/publishers\/google\/models\/([^:]+):(\w+)$/;

async function bedrock(load: Load): Promise<Send> {
  const sdk = (await load(
    '@aws-sdk/client-bedrock-runtime',
  )) as typeof import('@aws-sdk/client-bedrock-runtime');
  const { NodeHttpHandler } = (await load(
    '@smithy/node-http-handler',
  )) as typeof import('@smithy/node-http-handler');
  return async ({ origin, path, body, serving }) => {
    const client = new sdk.BedrockRuntimeClient({
      ...{ endpoint: origin, region: 'us-east-1', maxAttempts: 1 },
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      ...(serving === 'HTTP/1.1' && { requestHandler: new NodeHttpHandler() }),
    });
    const [, modelId = '', method] = /^\/model\/([^/]+)\/([\w-]+)$/.exec(path) ?? [];
    const input = { modelId, body: JSON.stringify(body), contentType: 'application/json' };
    if (method === 'invoke') return client.send(new sdk.InvokeModelCommand(input));
    return (await client.send(new sdk.InvokeModelWithResponseStreamCommand(input))).body;
  };
}

async function pinecone(load: Load): Promise<Send> {
  const { Pinecone } = (await load(
    '@pinecone-database/pinecone',
  )) as typeof import('@pinecone-database/pinecone');
  return async ({ origin, path, body }) => {
    const client = new Pinecone({ apiKey, controllerHostUrl: origin });
    if (path === '/indexes') return client.listIndexes();
    if (path.startsWith('/indexes/')) return client.describeIndex(path.slice('/indexes/'.length));
    const { ids, namespace = '' } = body as { ids?: string[]; namespace?: string };
    const index = client.index({ host: origin, namespace });
    return ids === undefined ? index.deleteAll() : index.deleteMany({ ids });
  };
}
