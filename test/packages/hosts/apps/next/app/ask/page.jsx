import { createOpenAI } from '@ai-sdk/openai';
import { generateText } from 'ai';
import { redirect } from 'next/navigation';

async function ask(form) {
  'use server';
  const openai = createOpenAI({ apiKey: 'test-key', baseURL: process.env.MODEL_URL });
  await generateText({ model: openai('gpt-5.4'), prompt: String(form.get('question')) });
  redirect('/about');
}

export default function Ask() {
  return (
    <form action={ask}>
      <input name="question" />
    </form>
  );
}
