import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { attributeBelow, userAttributes, userHints } from '../../src/core/user-headers.ts';

const headers = { email: 'x-forwarded-email', department: 'x-department' };
const isUser = userAttributes(headers);

const OF_USERS = [
  'user.email',
  'user.id',
  'user.name',
  'user.full_name',
  'user.hash',
  'enduser.id',
  'enduser.pseudo.id',
  'baggage.user.id',
  'user',
  'User',
  'userId',
  'UserID',
  'user_id',
  'user-email',
  'useremail',
  'username',
  'endUserId',
  'end_user.id',
  'usr.id',
  'app.user.id',
  'app.currentUser.email',
  'user.0',
  'users.0.id',
  'llm.user',
  'gen_ai.user',
  'langfuse.user.id',
  'traceloop.association.properties.user_id',
  'ai.telemetry.metadata.userId',
  'http.request.header.x-forwarded-email',
  'http.request.header.X_Forwarded_Email',
  'http.request.header.x-user-id',
  'http.request.header.x-auth-request-user',
  'http.request.headers["X-Forwarded-Email"]',
  'xForwardedEmail',
  'email',
  'customer.email',
  'email.address',
  'mail',
];
const OF_NOBODY = [
  'user.department',
  'user.role',
  'user.roles',
  'enduser.scope',
  'user_role',
  'userDepartment',
  'user_agent.original',
  'http.user_agent',
  'http.request.header.user-agent',
  'http.request.header.x-department',
  'user_count',
  'users.count',
  'is_user',
  'db.user',
  'process.user.name',
  'process.real_user.id',
  'cpu_user',
  'email.template',
  'http.route',
  'gen_ai.request.model',
  'service.name',
  'superuseful',
  'mailbox.size',
];

describe('an attribute', () => {
  for (const name of OF_USERS) it(`${name} is a user’s`, () => assert.equal(isUser(name), true));
  for (const name of OF_NOBODY) it(`${name} is not`, () => assert.equal(isUser(name), false));

  it('is a user’s in any case, also below others, and has a hint in it', () => {
    const hints = userHints(headers);
    const spelled = fc
      .tuple(fc.constantFrom(...OF_USERS), fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }))
      .map(([name, upper]) =>
        [...name].map((c, at) => (upper[at % upper.length] ? c.toUpperCase() : c.toLowerCase())).join(''),
      );
    // In capitals alone nobody knows where words end but by what sets them off.
    const whole = spelled.filter((name) => isUser(name.toLowerCase()));
    fc.assert(
      fc.property(whole, fc.constantFrom('', 'app', 'a.b', 'X'.repeat(2000)), (name, above) => {
        assert.ok(isUser(attributeBelow(above, name)), name);
        assert.ok(
          hints.some((hint) => name.toLowerCase().includes(hint)),
          name,
        );
      }),
      { numRuns: 2000 },
    );
  });

  it('is judged by a header alone where one is trusted, also one of signs', () => {
    const ofNoHeader = userAttributes(null);
    assert.equal(ofNoHeader('http.request.header.x-forwarded-for-whom'), false);
    const signs = { email: '~', department: null };
    assert.equal(userAttributes(signs)('http.request.header.~'), true);
    assert.ok(userHints(signs).includes('~'));
  });
});
