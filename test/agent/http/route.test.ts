import assert from 'node:assert/strict';
import { test } from 'vitest';
import { callerOf } from '../../../src/agent/context/traceparent.ts';
import { joinTemplates, matchesTemplate } from '../../../src/agent/http/route.ts';
import { ROUTE_LENGTH_MAX, ROUTES_MAX, RouteBound } from '../../../src/core/http/served.ts';

test('200 routes at once, <unmatched> and <other> included; of what is made up as many again, and what comes again has its name', () => {
  let folded = 0;
  const routes = new RouteBound({ onFolded: () => folded++ });
  const seen = new Set([routes.bound(undefined), routes.bound('')]);
  assert.deepEqual([...seen], ['<unmatched>']);
  for (let i = 0; i < 198; i++) seen.add(routes.bound(`/r${i}/:id`));
  assert.deepEqual([seen.size, seen.has('<other>'), folded], [ROUTES_MAX - 1, false, 0]);
  for (let i = 198; i < 3000; i++) seen.add(routes.bound(`/r${i}/:id`));
  assert.ok(seen.has('<other>'));
  assert.equal(seen.size, 1.5 * ROUTES_MAX);
  assert.equal(folded, 2802);
  assert.deepEqual([routes.bound('/real'), routes.bound('/real')], ['<other>', '/real']);
  assert.equal(routes.bound(undefined), '<unmatched>');
});

test('a route that comes after 200 others has its name', () => {
  const routes = new RouteBound();
  for (let i = 0; i < 250; i++) routes.bound(`/r${i}`);
  assert.equal(routes.bound('/late'), '/late');
});

test('a long template is cut, never through a character', () => {
  const route = new RouteBound().bound(`${'a'.repeat(ROUTE_LENGTH_MAX - 1)}😀😀`);
  assert.equal(route.length, ROUTE_LENGTH_MAX);
  assert.ok(route.isWellFormed());
});

test('templates join with one slash', () => {
  const cases = [
    ['', '/', '/'],
    ['', '/users', '/users'],
    ['/', '/users', '/users'],
    ['/orgs/:org', '/', '/orgs/:org'],
    ['/orgs/', '/users/:id', '/orgs/users/:id'],
    ['/orgs', 'users', '/orgs/users'],
    ['/orgs', '*', '/orgs/*'],
  ] as const;
  for (const [prefix, path, joined] of cases) assert.equal(joinTemplates(prefix, path), joined);
});

test('a template matches the paths it stands for', () => {
  assert.ok(matchesTemplate('/users/:id', '/Users/7/'));
  assert.ok(matchesTemplate('/', '/'));
  assert.ok(!matchesTemplate('/users/:id', '/users'));
  assert.ok(!matchesTemplate('/users/:id', '/users/7/8'));
  assert.ok(!matchesTemplate('/files/*', '/files/7'));
});

test('only a valid traceparent names a trace', () => {
  const id = '4bf92f3577b34da6a3ce929d0e0e4736';
  const parent = '00f067aa0ba902b7';
  const caller = { traceId: id, spanId: parent, sampled: true };
  assert.deepEqual(callerOf(`00-${id}-${parent}-01`), caller);
  assert.deepEqual(callerOf(`00-${id}-${parent}-02`), { ...caller, sampled: false });
  assert.deepEqual(callerOf(`cc-${id}-${parent}-01-what-the-future-brings`), caller);
  const invalid = [
    undefined,
    7,
    '',
    'nonsense',
    `00-${id}-${parent}`,
    `00-${id}-${parent}-01-more`,
    `00-${id}-${parent}-01.`,
    `ff-${id}-${parent}-01`,
    `00-${'0'.repeat(32)}-${parent}-01`,
    `00-${id}-${'0'.repeat(16)}-01`,
    `00-${id.toUpperCase()}-${parent}-01`,
    `00-${id.slice(1)}-${parent}-01`,
  ];
  for (const header of invalid) assert.equal(callerOf(header), null, String(header));
});
