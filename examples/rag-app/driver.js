// Uneven traffic for the sample app, for ever: quiet spells and rushes, questions asked again and again, visitors who get an
// address wrong, and chat sessions that come and go.
//
//   RAG_APP_URL   http://127.0.0.1:3000
//   DRIVER_SEED   1: the same seed asks the same questions in the same order
//   DRIVER_PACE   1: how busy; 0.05 is twenty times slower
//   RAG_APP_PID   unset: the process to stop should the starter of both be killed
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { randomFrom } from './stub/chance.js';
import { reportReady } from './supervised.js';

const appUrl = process.env.RAG_APP_URL ?? 'http://127.0.0.1:3000';
const pace = Number(process.env.DRIVER_PACE ?? 1);
const random = randomFrom(Number(process.env.DRIVER_SEED ?? 1));
const questions = JSON.parse(readFileSync(new URL('questions.json', import.meta.url), 'utf8'));

const SESSIONS = 5;
const IN_FLIGHT_MAX = 24;
const REQUEST_TIMEOUT_MS = 60_000;
const KEYS = ['demo-ada', 'demo-ben', 'demo-chi', 'demo-dana', ''];
/** Requests per second, and how long a spell lasts on average. */
const SPELLS = [
  { perSecond: 0.8, seconds: 20 },
  { perSecond: 2, seconds: 25 },
  { perSecond: 6, seconds: 8 },
];
/** What visitors do, with how often; the numbers add up to 1. */
const VISITS = [
  { share: 0.62, visit: askQuestion },
  { share: 0.12, visit: () => call('GET', `/documents/${documentId()}`) },
  { share: 0.08, visit: () => call('POST', '/feedback', { stars: 1 + below(5) }) },
  { share: 0.06, visit: () => call('GET', '/documents') },
  { share: 0.04, visit: () => call('GET', `/documents/${documentId()}/summary`) },
  { share: 0.04, visit: () => call('GET', `/documents/missing-${below(1000)}`) },
  { share: 0.02, visit: () => call('POST', '/ask', { question: '' }) },
  { share: 0.02, visit: () => call('GET', pick(['/favicon.ico', '/wp-login.php', '/.env'])) },
];

/** @type {string[]} */
let documentIds = [];
let inFlight = 0;

const below = (/** @type {number} */ limit) => Math.floor(random() * limit);
const pick = (/** @type {any[]} */ list) => list[below(list.length)];
const documentId = () => pick(documentIds);
/** A time with the given mean, as between independent arrivals. */
const around = (/** @type {number} */ meanMs) => (-Math.log(1 - random()) * meanMs) / pace;

/** Most people ask what everybody asks; a few ask something of their own, or nothing the handbook knows. */
function question() {
  const kind = random();
  if (kind < 0.6) return questions.common[Math.floor(random() ** 2 * questions.common.length)];
  if (kind < 0.96) return pick(questions.patterns).replace('{topic}', pick(questions.topics));
  return pick(questions.offTopic);
}

function askQuestion() {
  return call('POST', '/ask', { question: question(), style: random() < 0.3 ? 'careful' : 'fast' });
}

/**
 * One request; whatever comes of it, the next one follows.
 *
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 */
async function call(method, path, body) {
  if (inFlight >= IN_FLIGHT_MAX) return undefined;
  inFlight++;
  try {
    const response = await fetch(new URL(path, appUrl), {
      method,
      headers: { 'content-type': 'application/json', 'x-api-key': pick(KEYS) },
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    const text = await response.text();
    return response.ok && text !== '' ? JSON.parse(text) : undefined;
  } catch {
    return undefined; // The app is busy, restarting or gone: a visitor would come back later, too.
  } finally {
    inFlight--;
  }
}

function drawnVisit() {
  let place = random();
  for (const { share, visit } of VISITS) {
    place -= share;
    if (place < 0) return visit;
  }
  return askQuestion;
}

async function keepVisiting() {
  for (;;) {
    const spell = pick(SPELLS);
    const ends = Date.now() + around(spell.seconds * 1000);
    while (Date.now() < ends) {
      drawnVisit()();
      await wait(around(1000 / spell.perSecond));
    }
  }
}

/** Keeps one chat session going; after some questions it ends, sometimes in the middle of an answer, and another begins. */
async function keepChatting() {
  for (;;) {
    await chat(3 + below(12)).catch(() => {});
    await wait(around(2000));
  }
}

/** @param {number} questionsLeft */
async function chat(questionsLeft) {
  const socket = new WebSocket(`${appUrl.replace('http', 'ws')}/chat?key=${pick(KEYS)}`);
  const closed = new Promise((resolve) => socket.addEventListener('close', resolve, { once: true }));
  socket.addEventListener('error', () => {});
  await Promise.race([once(socket, 'open'), closed]);
  for (let left = questionsLeft; left > 0 && socket.readyState === WebSocket.OPEN; left--) {
    const answered = new Promise((resolve) => {
      socket.addEventListener('message', function onMessage({ data }) {
        if (JSON.parse(data).type === 'token') return;
        socket.removeEventListener('message', onMessage);
        resolve(undefined);
      });
    });
    socket.send(JSON.stringify({ question: question(), style: random() < 0.2 ? 'careful' : 'chat' }));
    const impatient = random() < 0.03;
    await Promise.race([
      answered,
      closed,
      wait(impatient ? 600 : REQUEST_TIMEOUT_MS, undefined, { ref: false }),
    ]);
    if (impatient) break;
    await Promise.race([closed, wait(around(4000))]);
  }
  socket.close();
  await closed;
}

/** @param {EventTarget} target @param {string} type */
function once(target, type) {
  return new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));
}

/** Something of everything in the first moments: the same question twice, so that the second is known already. */
async function begin() {
  while (documentIds.length === 0) {
    documentIds = ((await call('GET', '/documents')) ?? []).map((/** @type {{ id: string }} */ { id }) => id);
    if (documentIds.length === 0) await wait(500);
  }
  for (let i = 0; i < SESSIONS; i++) keepChatting();
  for (const common of questions.common.slice(0, 3)) {
    call('POST', '/ask', { question: common }).then(() => call('POST', '/ask', { question: common }));
  }
  await keepVisiting();
}

/** Without its starter the app would be left running with nobody to stop it. */
function stopApp() {
  try {
    if (process.env.RAG_APP_PID) process.kill(Number(process.env.RAG_APP_PID), 'SIGTERM');
  } catch {
    // It has ended already.
  }
}

process.once('SIGTERM', () => process.exit(0));
reportReady({ driving: appUrl }, stopApp);
await begin();
