import type { OtlpAttributes, OtlpValue } from '../model.ts';

/** Names under which one thing is found, the first that has it wins. */
export type Aliases = readonly string[];

/** Longer than any name of a model, a host or a route. */
const NAME_CHARS_MAX = 1024;

/** A text, cut where it is too long for a name. */
export function textOf(attributes: OtlpAttributes, aliases: Aliases): string | null {
  for (const key of aliases) {
    const value = attributes[key];
    if (typeof value === 'string' && value !== '') return copyOf(value, NAME_CHARS_MAX);
  }
  return null;
}

/** A text, or so much of it as a copy: a part of a text holds all of it in memory, and events stay known for long. */
export function copyOf(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : Buffer.from(text.slice(0, charsMax), 'utf16le').toString('utf16le');
}

/** Numbers, also those that came as text: some SDKs have no other. */
export function numberOf(attributes: OtlpAttributes, aliases: Aliases): number | null {
  for (const key of aliases) {
    const value = attributes[key];
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    if (typeof value === 'string' && value !== '' && value.length < 20) {
      const number = Number(value);
      if (Number.isFinite(number)) return number;
    }
  }
  return null;
}

export function flagOf(attributes: OtlpAttributes, aliases: Aliases): boolean | null {
  for (const key of aliases) {
    const value = attributes[key];
    if (typeof value === 'boolean') return value;
    if (value === 'true' || value === 'True') return true;
    if (value === 'false' || value === 'False') return false;
  }
  return null;
}

/** Longest list that is read out of a text. */
const JSON_CHARS_MAX = 65_536;

/** A list, also one that came as JSON text; `null` when it is none. */
export function listOf(value: OtlpValue | undefined): readonly OtlpValue[] | null {
  if (Array.isArray(value)) return value;
  if (typeof value !== 'string' || !value.startsWith('[') || value.length > JSON_CHARS_MAX) return null;
  try {
    const parsed: unknown = JSON.parse(value);
    return Array.isArray(parsed) ? parsed : null;
  } catch {
    return null;
  }
}

/** The first element of a list, or the value itself where it is none. */
export function firstOf(value: OtlpValue | undefined): OtlpValue | undefined {
  return (listOf(value) ?? [value])[0];
}

/** A host without scheme, port and path, in lower case: `https://api.openai.com:443/v1` is `api.openai.com`. */
export function hostOf(address: string): string {
  const from = address.indexOf('://');
  let host = from === -1 ? address : address.slice(from + 3);
  const path = host.indexOf('/');
  if (path !== -1) host = host.slice(0, path);
  const port = host.startsWith('[') ? host.indexOf(']') + 1 : host.indexOf(':');
  const isBareIpv6 = port > 0 && host[0] !== '[' && host.indexOf(':', port + 1) !== -1;
  if (port > 0 && port < host.length && !isBareIpv6) host = host.slice(0, port);
  return host.toLowerCase();
}
