import { index, layout, prefix, route } from '@react-router/dev/routes';

export default [
  index('routes/home.jsx'),
  route('blog/:slug', 'routes/post.jsx'),
  route('blog/new', 'routes/new.jsx'),
  route('docs/*', 'routes/docs.jsx'),
  layout('routes/site.jsx', [
    route('about', 'routes/about.jsx'),
    route(':lang?/help', 'routes/help.jsx'),
    route('orgs/:org', 'routes/org.jsx', [route('users/:id', 'routes/user.jsx')]),
  ]),
  ...prefix('api', [route('chat', 'routes/chat.js'), route('items/:id', 'routes/item.js')]),
  route('ask', 'routes/ask.jsx'),
  route('broken', 'routes/broken.jsx'),
];
