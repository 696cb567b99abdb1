import { createOpenAI } from '@ai-sdk/openai';
import { generateText } from 'ai';
import { Form, redirect } from 'react-router';

export async function action({ request }) {
  const form = await request.formData();
  const openai = createOpenAI({ apiKey: 'test-key', baseURL: process.env.MODEL_URL });
  await generateText({ model: openai('gpt-5.4'), prompt: String(form.get('question')) });
  return redirect('/about');
}

export default function Ask() {
  return (
    <Form method="post">
      <input name="question" />
    </Form>
  );
}
