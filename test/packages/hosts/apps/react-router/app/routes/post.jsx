import { data } from 'react-router';

export function loader({ params }) {
  if (params.slug === 'missing') throw data('no such post', { status: 404 });
  return { slug: params.slug };
}

export default function Post({ loaderData }) {
  return <p>{loaderData.slug}</p>;
}
