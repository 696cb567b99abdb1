import assert from 'node:assert/strict';
import type { Message } from '../messages.ts';

/** What the protocol tells apart; a `double` may come as an `int`, because to JavaScript 1.0 is 1. */
export type ValueType = 'string' | 'boolean' | 'int' | 'double' | 'string[]' | 'other';
export type ValueTypes = Readonly<Record<string, ValueType>>;

/** The types of attributes by their names, as they came. */
export function typesOf(list: unknown): ValueTypes {
  const pairs = (list ?? []) as readonly { readonly key: string; readonly value: Message }[];
  return Object.fromEntries(pairs.map(({ key, value }) => [key, typeOf(value)]));
}

function typeOf(value: Message): ValueType {
  if ('stringValue' in value) return 'string';
  if ('boolValue' in value) return 'boolean';
  if ('intValue' in value) return 'int';
  if ('doubleValue' in value) return 'double';
  const { values = [] } = (value['arrayValue'] ?? {}) as { readonly values?: readonly Message[] };
  const areTexts = 'arrayValue' in value && values.every((one) => 'stringValue' in one);
  return areTexts ? 'string[]' : 'other';
}

export interface AttributeRules {
  readonly required: ValueTypes;
  readonly optional: ValueTypes;
}

/** Every required attribute is there, no unknown one, each of its type. */
export function assertAttributes(
  whose: string,
  types: ValueTypes,
  { required, optional }: AttributeRules,
): void {
  for (const name of Object.keys(required)) assert.ok(name in types, `${whose} needs ${name}`);
  const known: ValueTypes = { ...optional, ...required };
  for (const [name, type] of Object.entries(types)) {
    const wanted = known[name];
    assert.ok(wanted !== undefined, `${whose} has ${name}, which nothing describes`);
    const fits = type === wanted || (type === 'int' && wanted === 'double');
    assert.ok(fits, `${name} of ${whose} is a ${type}, not a ${wanted}`);
  }
}

/** @throws Error where one of a pair is there without the other. */
export function assertTogether(whose: string, types: ValueTypes, one: string, other: string): void {
  assert.equal(one in types, other in types, `${whose} needs both of ${one} and ${other}, or neither`);
}
