import type { Found } from '../reader/json-scanner.ts';
import { asRecord, messagesUsage, type RawUsage, searchesMade } from '../tokens/raw-usage.ts';
import { COMMON_DIALECT, type Dialect, type Facts, NO_FACTS, WANTED_ERROR } from './dialect.ts';
import { endingIn } from './paths.ts';

/** Anthropic messages. A stream counts input in its first event and output, cumulatively, in `message_delta`. */
export const anthropicMessages: Dialect = {
  ...COMMON_DIALECT,
  name: 'anthropic-messages',
  operation: 'chat',
  localProvider: null,
  // Threads of messages are OpenAI's, and free.
  matchPath: (pathname) => (/\/threads\//.test(pathname) ? null : endingIn(['/messages'])(pathname)),
  header: 'anthropic-version',
  onlyProvider: 'anthropic',
  requestKeys: ['messages', 'max_tokens'],
  answerMustTell: true,
  wanted: {
    type: 'value',
    model: 'value',
    usage: 'value',
    error: WANTED_ERROR,
    stop_reason: 'value',
    delta: { stop_reason: 'value' },
    message: { model: 'value', usage: 'value' },
  },
  stream: {
    content:
      /"(?:text|thinking|partial_json)"\s*:\s*"[^"]|"type"\s*:\s*"(?:tool_use|server_tool_use|redacted_thinking)"/,
    facts: /"type"\s*:\s*"(?:message_start|message_delta|error)"/,
    end: /"type"\s*:\s*"message_stop"/,
  },
  read: readMessage,
  mergeUsage: mergeCounts,
  countTokens: messagesUsage,
  totalTokens: () => null,
  billedUnits: searchesMade,
};

function readMessage(found: Found): Facts {
  const usage = asRecord(found.get('usage'));
  const startUsage = asRecord(found.get('message.usage'));
  return {
    ...NO_FACTS,
    model: found.get('model') ?? found.get('message.model'),
    usage: usage ?? startUsage,
    provisional: usage === null && startUsage !== null,
    failed: found.has('error'),
    errors: [found.get('error.type')],
    errorMessage: found.get('error.message'),
    finishReason: found.get('stop_reason') ?? found.get('delta.stop_reason'),
    serviceTier: tierOf(usage) ?? tierOf(startUsage),
    telling: found.get('type') === 'message' || found.get('type') === 'message_start',
  };
}

/** Fast mode has a price of its own, whatever the tier. */
function tierOf(usage: RawUsage | null): unknown {
  return usage?.['speed'] === 'fast' ? 'fast' : usage?.['service_tier'];
}

/** Later counts replace earlier ones field by field: `message_delta` repeats only some of them. */
export function mergeCounts(before: RawUsage, after: RawUsage): RawUsage {
  const said = Object.entries(after).filter(([, value]) => value !== null && value !== undefined);
  return { ...before, ...Object.fromEntries(said) };
}
