import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import {
  BedrockRuntimeClient,
  InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
} from '@aws-sdk/client-bedrock-runtime';
import { GoogleGenAI } from '@google/genai';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { CohereClient } from 'cohere-ai';
import OpenAI from 'openai';
import type { Exchange } from '../../../support/recordings.ts';

/** Bodies as the SDKs take them; recorded ones are whatever was sent. */
type Body = never;

/** Sends a recorded request to a server through its provider's own SDK, and reads the answer to its end. */
export async function call({ request }: Exchange, serverUrl: string): Promise<void> {
  const { host, pathname } = new URL(request.url);
  const [, send] = SENDERS.find(([pattern]) => pattern.test(host + pathname)) ?? [];
  // The SDK for Node does not read enums as numbers, which Python's asks for.
  if (send === undefined || request.url.includes('enum-encoding')) {
    const response = await fetch(serverUrl + pathname, {
      method: request.method,
      body: request.body ?? null,
    });
    await response.arrayBuffer();
    assert.ok(response.ok);
    return;
  }
  const answer = await send(serverUrl, pathname, JSON.parse(request.body ?? '{}') as Body);
  if (!isStream(answer)) return;
  for await (const _ of answer);
}

const isStream = (answer: unknown): answer is AsyncIterable<unknown> =>
  typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer;

type Send = (serverUrl: string, path: string, body: Body) => Promise<unknown>;

const SENDERS: readonly (readonly [RegExp, Send])[] = [
  [/^api\.anthropic\.com/, anthropic],
  [/^api\.cohere\./, cohere],
  [/aiplatform\.googleapis\.com/, google],
  [/^bedrock-runtime\./, bedrock],
  [/^(?:api\.openai\.com|api\.together\.xyz)/, openai],
];

const options = { apiKey: 'test-key', maxRetries: 0 };

async function anthropic(serverUrl: string, _path: string, body: Body): Promise<unknown> {
  return new Anthropic({ ...options, baseURL: serverUrl }).messages.create(body);
}

async function openai(serverUrl: string, path: string, body: Body): Promise<unknown> {
  const client = new OpenAI({ ...options, baseURL: `${serverUrl}/v1` });
  if (path.endsWith('/chat/completions')) return client.chat.completions.create(body);
  if (path.endsWith('/completions')) return client.completions.create(body);
  if (path.endsWith('/responses')) return client.responses.create(body);
  if (path.endsWith('/images/generations')) return client.images.generate(body);
  return client.embeddings.create(body);
}

async function cohere(serverUrl: string, path: string, recorded: Body): Promise<unknown> {
  const client = new CohereClient({ token: 'test-key', environment: serverUrl, maxRetries: 0 });
  const { stream, ...fields } = recorded as Record<string, unknown>;
  const inCamels = Object.entries(fields).map(([key, value]) => [
    key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ]);
  const body = Object.fromEntries(inCamels) as Body;
  if (path.endsWith('/generate')) return stream ? client.generateStream(body) : client.generate(body);
  return stream ? client.chatStream(body) : client.chat(body);
}

async function google(serverUrl: string, path: string, recorded: Body): Promise<unknown> {
  const client = new GoogleGenAI({ apiKey: 'test-key', httpOptions: { baseUrl: serverUrl } });
  const { contents, tools } = recorded as { contents: Body; tools: Body };
  const [, model = '', method = ''] = /\/models\/([^:]+):(\w+)$/.exec(path) ?? [];
  const body = { model, contents, config: { tools } };
  return method === 'streamGenerateContent'
    ? client.models.generateContentStream(body)
    : client.models.generateContent(body);
}

async function bedrock(serverUrl: string, path: string, body: Body): Promise<unknown> {
  const client = new BedrockRuntimeClient({
    endpoint: serverUrl,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler(),
  });
  const [, modelId = '', method = ''] = /\/model\/([^/]+)\/([\w-]+)$/.exec(path) ?? [];
  const input = {
    modelId: decodeURIComponent(modelId),
    body: JSON.stringify(body),
    contentType: 'application/json',
  };
  try {
    if (method === 'invoke') return await client.send(new InvokeModelCommand(input));
    const { body: events } = await client.send(new InvokeModelWithResponseStreamCommand(input));
    for await (const _ of events ?? []);
    return undefined;
  } finally {
    client.destroy();
  }
}
