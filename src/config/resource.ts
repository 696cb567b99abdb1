import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Attributes } from '../core/frame.ts';
import type { SettingReader } from './setting-reader.ts';

/** Who sends. */
export interface Resource {
  readonly service: string;
  /** What the operator says of this process. */
  readonly resourceAttributes: Attributes;
}

/** @param given attributes of a configuration file, which stand in the variable's place. */
export function readResource(setting: SettingReader, cwd: string, given?: Attributes): Resource {
  const resourceAttributes = given ?? parseAttributes(setting.text('OTEL_RESOURCE_ATTRIBUTES') ?? '');
  const named = setting.text('OTEL_SERVICE_NAME') ?? String(resourceAttributes['service.name'] ?? '');
  return { service: named || (packageName(cwd) ?? 'app'), resourceAttributes };
}

/** `key=value` with commas between them, values percent-encoded; what is no pair is left out. */
export function parseAttributes(list: string): Record<string, string> {
  const pairs = list.split(',').map((pair) => pair.split('='));
  const attributes = pairs.map(([key = '', value = '']) => [
    key.trim(),
    decodeURIComponentSafely(value.trim()),
  ]);
  return Object.fromEntries(attributes.filter(([key, value]) => key !== '' && value !== ''));
}

function decodeURIComponentSafely(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function packageName(cwd: string): string | null {
  try {
    const parsed: unknown = JSON.parse(readFileSync(join(cwd, 'package.json'), 'utf8'));
    const name = (parsed as { name?: unknown }).name;
    return typeof name === 'string' && name !== '' ? name : null;
  } catch {
    return null; // No readable package.json: the app simply has no name.
  }
}
