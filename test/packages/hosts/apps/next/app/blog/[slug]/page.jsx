import { notFound } from 'next/navigation';

export default async function Post({ params }) {
  const { slug } = await params;
  if (slug === 'missing') notFound();
  return <p>{slug}</p>;
}
