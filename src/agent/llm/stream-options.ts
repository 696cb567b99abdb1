import { KIB } from '../../core/units.ts';
import { JsonScanner } from './reader/json-scanner.ts';

/**
 * Hosts that document `stream_options.include_usage` for chat completions and send no usage without it. Others send it
 * anyway (xAI, Mistral, OpenRouter, Together) or refuse a request with what they do not know.
 */
const HOSTS: ReadonlySet<string> = new Set([
  'api.openai.com',
  'eu.api.openai.com',
  'us.api.openai.com',
  'api.deepseek.com',
  'dashscope.aliyuncs.com',
  'dashscope-intl.aliyuncs.com',
]);
const PATH_END = '/chat/completions';
const REQUESTED = '{"stream_options":{"include_usage":true},';

/** Whether a chat request to this host may ask for its usage. */
export function acceptsIncludeUsage(host: string, pathname: string): boolean {
  return HOSTS.has(host) && pathname.endsWith(PATH_END);
}

/** The body of a streamed chat request with its usage asked for; `null` when it is none, or the app has decided itself. */
export function withUsageRequested(body: string): string | null {
  if (body.charAt(0) !== '{' || body.includes('"stream_options"')) return null;
  const scanner = new JsonScanner({ stream: 'value', messages: 'presence' });
  scanner.write(body);
  if (!scanner.complete || scanner.found.get('stream') !== true || !scanner.found.has('messages'))
    return null;
  return REQUESTED + body.slice(1);
}

/** An event that is longer is handed on as it comes: the usage has some hundred characters. */
const EVENT_CHARS_MAX = 16 * KIB;
const EVENT_END = /\r?\n\r?\n/g;

/**
 * Takes the event out of a chat stream that only carries the usage: its `choices` are empty, and apps that did not ask for
 * it read `choices[0].delta` of every event and fail. Everything else passes unchanged, cut at the ends of events.
 *
 * Text is bytes as characters (latin1).
 */
export class UsageEventFilter {
  #held = '';
  /** Inside an event too long to be held. */
  #passing = false;

  /** What of the stream may go on after this piece. */
  write(text: string): string {
    this.#held += text;
    let passed = '';
    let from = 0;
    EVENT_END.lastIndex = 0;
    while (EVENT_END.test(this.#held)) {
      const event = this.#held.slice(from, EVENT_END.lastIndex);
      from = EVENT_END.lastIndex;
      if (this.#passing || !onlyUsage(event)) passed += event;
      this.#passing = false;
    }
    this.#held = this.#held.slice(from);
    if (!this.#passing && this.#held.length <= EVENT_CHARS_MAX) return passed;
    return passed + this.#letGo();
  }

  /** What is left when the stream ends in the middle of an event. */
  end(): string {
    const rest = this.#held;
    this.#held = '';
    return rest;
  }

  /** Its last characters stay: the end of the event may begin in them. */
  #letGo(): string {
    this.#passing = true;
    const kept = this.#held.endsWith('\n') || this.#held.endsWith('\r') ? 3 : 0;
    const gone = this.#held.slice(0, this.#held.length - kept);
    this.#held = this.#held.slice(this.#held.length - kept);
    return gone;
  }
}

function onlyUsage(event: string): boolean {
  return (
    event.startsWith('data:') &&
    /"choices"\s*:\s*\[\s*\]/.test(event) &&
    /"usage"\s*:\s*\{/.test(event) &&
    !/"error"\s*:\s*[{"]/.test(event)
  );
}
