import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { AccessRegister, ENDED_MAX } from '../../../src/core/access/register.ts';
import { ALL_BEFORE, type EndedSession } from '../../../src/core/access/store.ts';
import { type AccessToken, allows, tokenId } from '../../../src/core/access/token.ts';

const LATER_MS = 1_000_000;
const idOf = (n: number) => n.toString(16).padStart(36, '0');
const ended = (n: number, openedMs = n): EndedSession => ({ id: idOf(n), openedMs, untilMs: LATER_MS });

function token(name: string, digit: string, role: AccessToken['role'] = 'viewer'): AccessToken {
  return { name, role, digest: digit.repeat(64), madeMs: 0, usedMs: null };
}

/** A register and what it has kept. */
function keeping() {
  const register = new AccessRegister();
  const kept: EndedSession[] = [];
  const used: (string | number)[] = [];
  let told = 0;
  register.keepIn({
    ended: async (session) => void kept.push(session),
    used: ({ name }, atMs) => void used.push(name, atMs),
  });
  register.onEnd(() => told++);
  return { register, kept, used, told: () => told };
}

describe('roles', () => {
  it('an admin may what a viewer may, and not the other way round', () => {
    assert.deepEqual(
      (['viewer', 'admin'] as const).map((role) => [allows(role, 'viewer'), allows(role, 'admin')]),
      [
        [true, false],
        [true, true],
      ],
    );
  });
});

describe('ended sessions', () => {
  it('are kept, told to who listens, and learned of once', async () => {
    const { register, kept, told } = keeping();
    await register.end(ended(1), 0);
    assert.deepEqual([kept, told(), register.isEnded(ended(1))], [[ended(1)], 1, true]);
    assert.deepEqual(register.learn([ended(1), ended(2)], 0), [ended(2)]);
    assert.deepEqual([kept.length, told()], [1, 2]);
    assert.deepEqual(register.learn([ended(1), ended(2)], 0), []);
    assert.equal(told(), 2);
    assert.deepEqual(
      register.learn([{ ...ended(3), untilMs: 10 }], 10),
      [],
      'its cookies are too old by now',
    );
  });

  it('are bounded, and none of them opens again: all sessions from before the oldest end instead', async () => {
    const { register, kept } = keeping();
    const all = Array.from({ length: ENDED_MAX + 1 }, (_, i) => ended(i + 1, 10 + i));
    for (const one of all) await register.end(one, 0);
    assert.ok(register.ended <= ENDED_MAX);
    assert.ok(all.every((one) => register.isEnded(one)));
    const covering = kept.filter(({ id }) => id === ALL_BEFORE);
    assert.deepEqual(covering, [{ id: ALL_BEFORE, openedMs: 10 + register.covered - 1, untilMs: LATER_MS }]);
    assert.equal(register.ended + register.covered, all.length);
    assert.equal(register.isEnded({ id: idOf(999_999), openedMs: 9 }), true);
    assert.equal(register.isEnded({ id: idOf(999_999), openedMs: 10 + register.covered }), false);
    const other = new AccessRegister();
    other.learn(kept, 0);
    assert.ok(
      all.every((one) => other.isEnded(one)),
      'whoever learns of them knows as much',
    );
  });

  it('that are learned of in any number are covered, until the last of them may be forgotten', () => {
    const { register, kept } = keeping();
    const many = Array.from({ length: 200_000 }, (_, i) => ended(i + 1, 10 + i));
    many[0] = { ...ended(1, 10), untilMs: 2 * LATER_MS };
    register.learn(many, 0);
    assert.ok(register.ended <= ENDED_MAX && many.every((one) => register.isEnded(one)));
    assert.deepEqual(
      kept.map(({ id, untilMs }) => [id, untilMs]),
      [[ALL_BEFORE, 2 * LATER_MS]],
    );
    register.learn([{ id: ALL_BEFORE, openedMs: 500_000, untilMs: LATER_MS }], 0);
    for (let i = 0; i <= ENDED_MAX; i++)
      register.learn([{ ...ended(500_000 + i, 600_000 + i), untilMs: LATER_MS }], 0);
    assert.deepEqual(
      [kept.length, kept.at(-1)?.untilMs],
      [2, 2 * LATER_MS],
      'it stands for the first ones as well',
    );
  });

  it('make room for others once their cookies are too old', async () => {
    const { register } = keeping();
    for (let i = 1; i <= ENDED_MAX; i++) await register.end(ended(i), 0);
    await register.end({ ...ended(ENDED_MAX + 1), untilMs: 2 * LATER_MS }, LATER_MS);
    assert.deepEqual([register.ended, register.covered], [1, 0]);
  });
});

describe('named tokens', () => {
  it('are known by an id that another one of the same name does not have', () => {
    const { register, told } = keeping();
    const [before, after] = [token('ci', 'a'), token('ci', 'b')];
    register.setTokens([before]);
    assert.deepEqual([register.token(tokenId(before)), told()], [before, 0]);
    register.setTokens([before, token('other', 'c')]);
    assert.equal(told(), 0, 'nobody is worse off');
    register.setTokens([after]);
    assert.deepEqual([register.token(tokenId(before)), register.token(tokenId(after))], [null, after]);
    assert.equal(told(), 1);
  });

  it('say once a minute that they were used', () => {
    const { register, used } = keeping();
    const one = token('ci', 'a');
    register.setTokens([one]);
    for (const atMs of [100_000, 100_001, 159_999, 160_000]) register.used(tokenId(one), atMs);
    register.used('0'.repeat(18), 300_000);
    assert.deepEqual(used, ['ci', 100_000, 'ci', 160_000]);
  });
});
