import { type Calls, drain, type Load, leave, type Ports } from './call-all.ts';

const prompt = 'How was it?';
const said = (content: string) => [{ role: 'user' as const, content }];
const apiKey = 'test-key';

/** The packages of OpenAI's API, and the frameworks above them. */
export async function callsOf(load: Load, { http }: Ports): Promise<Calls> {
  const baseURL = `http://api.openai.com:${http}/v1`;
  return {
    ...openai((await load('openai')) as typeof import('openai'), baseURL),
    ...groq((await load('groq-sdk')) as typeof import('groq-sdk'), `http://api.groq.com:${http}`),
    ...(await aiSdk(load, baseURL, `http://api.cohere.com:${http}/v2`)),
    ...langchain((await load('@langchain/openai')) as typeof import('@langchain/openai'), baseURL),
  };
}

function openai({ OpenAI }: typeof import('openai'), baseURL: string): Calls {
  const client = new OpenAI({ apiKey, baseURL });
  const stream = true as const;
  return {
    'openai chat': () => client.chat.completions.create({ model: 'gpt-4o-mini', messages: said(prompt) }),
    'openai chat stream': async () => {
      const stream_options = { include_usage: true };
      await drain(
        await client.chat.completions.create({
          model: 'gpt-4',
          messages: said(prompt),
          stream,
          stream_options,
        }),
      );
    },
    'openai responses': () => client.responses.create({ model: 'gpt-5.4', input: prompt }),
    'openai responses stream': async () =>
      drain(await client.responses.create({ model: 'gpt-4o-mini', input: prompt, stream })),
    'openai embeddings': () =>
      client.embeddings.create({ model: 'text-embedding-3-small', input: prompt, encoding_format: 'float' }),
    'openai left': async () =>
      leave(await client.chat.completions.create({ model: 'gpt-4', messages: said('leave'), stream })),
    'openai responses left': async () =>
      leave(await client.responses.create({ model: 'gpt-4o-mini', input: 'leave', stream })),
    'openai busy': () => client.chat.completions.create({ model: 'gpt-4o', messages: said('busy') }),
  };
}

function groq({ Groq }: typeof import('groq-sdk'), baseURL: string): Calls {
  const client = new Groq({ apiKey, baseURL });
  const model = 'llama-3.3-70b-versatile';
  return {
    'groq chat': () => client.chat.completions.create({ model, messages: said(prompt) }),
    'groq chat stream': async () =>
      drain(await client.chat.completions.create({ model, messages: said(prompt), stream: true })),
    'groq left': async () =>
      leave(await client.chat.completions.create({ model, messages: said('leave'), stream: true })),
    'groq busy': () =>
      client.chat.completions.create({ model: 'llama-3.1-8b-instant', messages: said('busy') }),
  };
}

async function aiSdk(load: Load, baseURL: string, cohereURL: string): Promise<Calls> {
  const { embed, embedMany, generateText, rerank, streamText } = (await load('ai')) as typeof import('ai');
  const { createOpenAI } = (await load('@ai-sdk/openai')) as typeof import('@ai-sdk/openai');
  const { createCohere } = (await load('@ai-sdk/cohere')) as typeof import('@ai-sdk/cohere');
  const provider = createOpenAI({ apiKey, baseURL });
  const reranker = createCohere({ apiKey, baseURL: cohereURL }).reranking('rerank-v3.5');
  return {
    'ai generateText': () => generateText({ model: provider('gpt-5.4'), prompt }),
    'ai streamText': async () => drain(streamText({ model: provider('gpt-4o-mini'), prompt }).textStream),
    'ai embed': () => embed({ model: provider.embedding('text-embedding-3-small'), value: prompt }),
    'ai embedMany': () =>
      embedMany({ model: provider.embedding('text-embedding-3-small'), values: [prompt] }),
    'ai rerank': () => rerank({ model: reranker, query: prompt, documents: ['a', 'b'] }),
    'ai left': async () => leave(streamText({ model: provider('gpt-4o-mini'), prompt: 'leave' }).textStream),
    'ai busy': () => generateText({ model: provider.chat('gpt-4.1'), prompt: 'busy' }),
  };
}

function langchain(
  { ChatOpenAI, OpenAIEmbeddings }: typeof import('@langchain/openai'),
  baseURL: string,
): Calls {
  const embedding = { model: 'text-embedding-3-small', encodingFormat: 'float' as const };
  const model = (name: string) => new ChatOpenAI({ model: name, apiKey, configuration: { baseURL } });
  return {
    'langchain invoke': () => model('gpt-4o-mini').invoke(prompt),
    'langchain stream': async () => drain(await model('gpt-4').stream(prompt)),
    'langchain embedQuery': () =>
      new OpenAIEmbeddings({ ...embedding, apiKey, configuration: { baseURL } }).embedQuery(prompt),
    'langchain left': async () => leave(await model('gpt-4').stream('leave')),
    'langchain busy': () => model('gpt-4-turbo').invoke('busy'),
  };
}
