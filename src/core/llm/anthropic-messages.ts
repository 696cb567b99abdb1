import type { Dialect, Facts } from './dialect.ts';
import type { Found } from './json-scanner.ts';
import { asRecord, messagesUsage, type RawUsage } from './usage.ts';

/** Anthropic messages. A stream counts input in its first event and output, cumulatively, in `message_delta`. */
export const anthropicMessages: Dialect = {
  name: 'anthropic-messages',
  operation: 'chat',
  localProvider: 'anthropic',
  paths: ['/messages'],
  pathIsEnough: false,
  header: 'anthropic-version',
  requestKeys: ['messages', 'max_tokens'],
  wanted: {
    model: 'value',
    usage: 'value',
    error: { type: 'value' },
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
};

function readMessage(found: Found): Facts {
  const usage = asRecord(found.get('usage'));
  const startUsage = asRecord(found.get('message.usage'));
  return {
    model: found.get('model') ?? found.get('message.model'),
    usage: usage ?? startUsage,
    provisional: usage === null && startUsage !== null,
    failed: found.has('error'),
    errors: [found.get('error.type')],
  };
}

/** Later counts replace earlier ones field by field: `message_delta` repeats only some of them. */
function mergeCounts(before: RawUsage, after: RawUsage): RawUsage {
  const said = Object.entries(after).filter(([, value]) => value !== null && value !== undefined);
  return { ...before, ...Object.fromEntries(said) };
}
