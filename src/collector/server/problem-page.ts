import type { NervecenterError } from '../../core/errors.ts';

/** What a browser shows where a program gets problem details: what is wrong, and where to go from there. */
export function problemPage({ code, status, message }: NervecenterError): string {
  const next =
    status === 401
      ? '<p><a href="/login">Log in</a></p>'
      : status >= 500
        ? '<p>Try again in a moment: the terminal of the collector says more.</p>'
        : '<p><a href="/admin/system">To the dashboard</a></p>';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${status} · nervecenter</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/login.css">
</head>
<body>
<main>
<h1>nervecenter</h1>
<p>${escaped(message)}</p>
${next}
<p class="hint">${status} · <code>${escaped(code)}</code></p>
</main>
</body>
</html>
`;
}

/** Messages quote what was asked for. */
function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
