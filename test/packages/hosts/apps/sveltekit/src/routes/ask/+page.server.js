import { createOpenAI } from '@ai-sdk/openai';
import { redirect } from '@sveltejs/kit';
import { generateText } from 'ai';

export const actions = {
  default: async ({ request }) => {
    const form = await request.formData();
    const openai = createOpenAI({ apiKey: 'test-key', baseURL: process.env.MODEL_URL });
    await generateText({ model: openai('gpt-5.4'), prompt: String(form.get('question')) });
    redirect(303, '/about');
  },
};
