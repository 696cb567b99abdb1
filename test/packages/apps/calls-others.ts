import { type Calls, drain, type Load, leave, type Ports } from './call-all.ts';

const prompt = 'How was it?';
const said = (content: string) => [{ role: 'user' as const, content }];
const apiKey = 'test-key';

/** The packages of providers that have an API of their own. */
export async function callsOf(load: Load, { http, http2 }: Ports): Promise<Calls> {
  const at = (host: string) => `http://${host}:${http}`;
  return {
    ...anthropic(
      (await load('@anthropic-ai/sdk')) as typeof import('@anthropic-ai/sdk'),
      at('api.anthropic.com'),
    ),
    ...google(
      (await load('@google/genai')) as typeof import('@google/genai'),
      at('generativelanguage.googleapis.com'),
    ),
    ...cohere((await load('cohere-ai')) as typeof import('cohere-ai'), at('api.cohere.com')),
    ...mistral(
      (await load('@mistralai/mistralai')) as typeof import('@mistralai/mistralai'),
      at('api.mistral.ai'),
    ),
    ...ollama((await load('ollama')) as typeof import('ollama'), at('localhost')),
    ...bedrock(
      (await load('@aws-sdk/client-bedrock-runtime')) as typeof import('@aws-sdk/client-bedrock-runtime'),
      `http://bedrock-runtime.us-east-1.amazonaws.com:${http2}`,
    ),
  };
}

function anthropic({ Anthropic }: typeof import('@anthropic-ai/sdk'), baseURL: string): Calls {
  const client = new Anthropic({ apiKey, baseURL });
  const ask = (model: string, content = prompt) => ({ model, max_tokens: 99, messages: said(content) });
  return {
    'anthropic messages': () => client.messages.create(ask('claude-sonnet-4-6')),
    'anthropic messages stream': async () =>
      drain(await client.messages.create({ ...ask('claude-3-opus-20240229'), stream: true })),
    'anthropic left': async () =>
      leave(await client.messages.create({ ...ask('claude-3-opus-20240229', 'leave'), stream: true })),
    'anthropic busy': () => client.messages.create(ask('claude-haiku-4-5', 'busy')),
  };
}

function google({ GoogleGenAI }: typeof import('@google/genai'), baseUrl: string): Calls {
  const retryOptions = { attempts: 2, initialDelay: 0.001 };
  const { models } = new GoogleGenAI({ apiKey, httpOptions: { baseUrl, retryOptions } });
  const model = 'gemini-2.5-flash';
  return {
    'google generateContent': () => models.generateContent({ model, contents: prompt }),
    'google generateContentStream': async () =>
      drain(await models.generateContentStream({ model, contents: prompt })),
    'google embedContent': () => models.embedContent({ model: 'gemini-embedding-001', contents: [prompt] }),
    'google left': async () => leave(await models.generateContentStream({ model, contents: 'leave' })),
    'google busy': () => models.generateContent({ model: 'gemini-2.5-pro', contents: 'busy' }),
  };
}

function cohere({ CohereClientV2 }: typeof import('cohere-ai'), environment: string): Calls {
  const client = new CohereClientV2({ token: apiKey, environment });
  const model = 'command-a-03-2025';
  return {
    'cohere chat': () => client.chat({ model, messages: said(prompt) }),
    'cohere chatStream': async () => drain(await client.chatStream({ model, messages: said(prompt) })),
    'cohere embed': () =>
      client.embed({
        model: 'embed-v4.0',
        inputType: 'search_query',
        embeddingTypes: ['float'],
        texts: [prompt],
      }),
    'cohere rerank': () => client.rerank({ model: 'rerank-v3.5', query: prompt, documents: ['a', 'b'] }),
    'cohere left': async () => leave(await client.chatStream({ model, messages: said('leave') })),
    'cohere busy': () => client.chat({ model: 'command-r7b-12-2024', messages: said('busy') }),
  };
}

function mistral({ Mistral }: typeof import('@mistralai/mistralai'), serverURL: string): Calls {
  const backoff = { initialInterval: 1, maxInterval: 5, exponent: 1, maxElapsedTime: 5000 };
  const client = new Mistral({ apiKey, serverURL, retryConfig: { strategy: 'backoff', backoff } });
  const model = 'mistral-large-latest';
  return {
    'mistral chat': () => client.chat.complete({ model, messages: said(prompt) }),
    'mistral chat stream': async () => drain(await client.chat.stream({ model, messages: said(prompt) })),
    'mistral embeddings': () => client.embeddings.create({ model: 'mistral-embed', inputs: [prompt] }),
    'mistral left': async () => leave(await client.chat.stream({ model, messages: said('leave') })),
    'mistral busy': () => client.chat.complete({ model: 'mistral-small-latest', messages: said('busy') }),
  };
}

function ollama({ Ollama }: typeof import('ollama'), host: string): Calls {
  const client = new Ollama({ host });
  const model = 'llama3.2';
  return {
    'ollama chat': () => client.chat({ model, messages: said(prompt) }),
    'ollama chat stream': async () =>
      drain(await client.chat({ model, messages: said(prompt), stream: true })),
    'ollama left': async () => leave(await client.chat({ model, messages: said('leave'), stream: true })),
    'ollama embed': () => client.embed({ model: 'all-minilm', input: prompt }),
  };
}

function bedrock(sdk: typeof import('@aws-sdk/client-bedrock-runtime'), endpoint: string): Calls {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new sdk.BedrockRuntimeClient({ endpoint, region: 'us-east-1', credentials });
  const messages = (text: string) => [{ role: 'user' as const, content: [{ text }] }];
  const modelId = 'anthropic.claude-sonnet-4-5-20250929-v1:0';
  const body = JSON.stringify({
    anthropic_version: 'bedrock-2023-05-31',
    max_tokens: 9,
    messages: said(prompt),
  });
  return {
    'bedrock Converse': () => client.send(new sdk.ConverseCommand({ modelId, messages: messages(prompt) })),
    'bedrock ConverseStream': async () => {
      const { stream } = await client.send(
        new sdk.ConverseStreamCommand({ modelId, messages: messages(prompt) }),
      );
      await drain(stream ?? []);
    },
    'bedrock InvokeModel': () =>
      client.send(new sdk.InvokeModelCommand({ modelId: 'anthropic.claude-3-5-sonnet-20241022-v2:0', body })),
    'bedrock left': async () => {
      const command = new sdk.ConverseStreamCommand({ modelId, messages: messages('leave') });
      await leave((await client.send(command)).stream ?? []);
    },
    'bedrock busy': async () => {
      await client.send(
        new sdk.ConverseCommand({ modelId: 'amazon.nova-lite-v1:0', messages: messages('busy') }),
      );
      client.destroy();
    },
  };
}
