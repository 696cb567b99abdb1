import { createOpenAI } from '@ai-sdk/openai';
import { streamText } from 'ai';

export async function POST({ request }) {
  const { prompt } = await request.json();
  const openai = createOpenAI({ apiKey: 'test-key', baseURL: process.env.MODEL_URL });
  return streamText({ model: openai('gpt-4o-mini'), prompt }).toTextStreamResponse();
}
