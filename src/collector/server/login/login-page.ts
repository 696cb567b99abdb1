/**
 * The login page: three small files without anything inline. The login URL printed at start carries a code in its
 * fragment, which browsers send to no server; the script takes it out of the address bar before anything else.
 */
export const LOGIN_HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Log in · nervecenter</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/login.css">
<script src="/login.js" defer></script>
</head>
<body>
<main>
<h1>nervecenter</h1>
<form method="post" action="/login">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" spellcheck="false" required autofocus>
<button type="submit">Log in</button>
<p id="message" role="alert"></p>
</form>
<p class="hint"><code>nervecenter url</code> prints a link that logs in. The admin token is in the file <code>admin-token</code> of the collector's data directory (<code>.nervecenter</code>), or set in <code>NERVECENTER_ADMIN_TOKEN</code>.</p>
<noscript><p class="hint">The dashboard needs JavaScript.</p></noscript>
</main>
</body>
</html>
`;

export const LOGIN_SCRIPT = `// The theme that was chosen on the dashboard of this browser.
function chosenTheme() {
  try {
    const choice = localStorage.getItem('nervecenter.theme');
    const systemIsLight = matchMedia('(prefers-color-scheme: light)').matches;
    return choice === 'light' || (choice === 'system' && systemIsLight) ? 'light' : 'dark';
  } catch {
    return 'dark';
  }
}
document.documentElement.dataset.theme = chosenTheme();

const form = document.querySelector('form');
const field = document.querySelector('#token');
const button = document.querySelector('button');
const message = document.querySelector('#message');

// A code, or a token that somebody made a link of.
function credentialInAddress() {
  const found = /^#(code|token)=(.+)$/.exec(location.hash);
  if (found === null) return null;
  history.replaceState(null, '', location.pathname + location.search);
  try {
    return { [found[1]]: decodeURIComponent(found[2]) };
  } catch {
    return { [found[1]]: found[2] };
  }
}

const oldLink = 'This link opens nothing any more: it opens the dashboard once, within 15 minutes of its making. ' +
  'Run "nervecenter url" for a new one, or enter a token.';

// A link that was opened before leads on though it opens nothing any more, as long as the session lives.
async function isLoggedIn() {
  const answer = await fetch('/api/metrics/snapshot', { method: 'HEAD' });
  return answer.ok;
}

async function logIn(credential, isLink) {
  message.textContent = '';
  button.disabled = true;
  try {
    const next = new URLSearchParams(location.search).get('next');
    const response = await fetch('/login', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...credential, next }),
    });
    const answer = await response.json();
    if (response.ok) {
      location.replace(answer.next);
      return;
    }
    if (isLink && (response.status === 401 || response.status === 429)) {
      if (await isLoggedIn()) {
        location.replace('/admin/system');
        return;
      }
      message.textContent = oldLink;
    } else message.textContent = answer.detail;
  } catch {
    message.textContent = 'The collector cannot be reached. Is it still running?';
  }
  button.disabled = false;
  field.select();
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  logIn({ token: field.value }, false);
});

function logInFromAddress() {
  const credential = credentialInAddress();
  if (credential) logIn(credential, true);
}

addEventListener('hashchange', logInFromAddress);
logInFromAddress();
`;

export const LOGIN_STYLE = `:root {
  color-scheme: dark;
  --page: #0a0e14; --surface: rgba(0, 0, 0, 0.4); --field: #11161d; --ink: #e6e9ec; --muted: #a3acb6;
  --line: #2a323c; --green: #00ff41; --on-green: #04140a; --link: #00ffff; --red: #ff5c8a; --glow: rgba(0, 255, 65, 0.09);
}
:root[data-theme='light'] {
  color-scheme: light;
  --page: #f3f5f7; --surface: #ffffff; --field: #ffffff; --ink: #14181d; --muted: #4a535d;
  --line: #b4bcc4; --green: #006b2e; --on-green: #ffffff; --link: #00687a; --red: #b80036; --glow: rgba(0, 160, 70, 0.08);
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem;
  background: radial-gradient(900px 420px at 50% -120px, var(--glow), transparent 70%) var(--page);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif;
}
main {
  width: 100%; max-width: 24rem; padding: 2rem; border: 1px solid var(--line); border-radius: 12px;
  background: var(--surface);
}
h1 { margin: 0 0 1.5rem; font-size: 1.25rem; letter-spacing: 0.04em; color: var(--green); }
label { display: block; margin-bottom: 0.4rem; font-size: 0.9rem; color: var(--muted); }
input, button { width: 100%; padding: 0.65rem 0.8rem; border-radius: 8px; font: inherit; }
input { border: 1px solid var(--line); background: var(--field); color: inherit; }
button {
  margin-top: 1rem; border: 0; background: var(--green); color: var(--on-green); font-weight: 600; cursor: pointer;
}
button:disabled { opacity: 0.5; cursor: progress; }
input:focus-visible, button:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
#message { min-height: 1.5em; margin: 0.75rem 0 0; color: var(--red); font-size: 0.9rem; }
.hint { margin: 1rem 0 0; font-size: 0.85rem; color: var(--muted); }
code { font-size: 0.95em; }
`;

/** Shown in place of the dashboard when its files are missing: a checkout that was never built. */
export const NOT_BUILT_HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>nervecenter</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/login.css">
</head>
<body>
<main>
<h1>nervecenter</h1>
<p>The dashboard is not built. Run <code>npm run build</code> and start again.</p>
<p class="hint">Everything else works: <code>/api/metrics/snapshot</code>, the stream and <code>/metrics</code>.</p>
</main>
</body>
</html>
`;
