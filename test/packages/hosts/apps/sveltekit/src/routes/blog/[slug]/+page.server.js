import { error } from '@sveltejs/kit';

export const load = ({ params }) => {
  if (params.slug === 'missing') error(404, 'no such post');
  return params;
};
