import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { stopNotice } from '../../src/collector/notices.ts';

const storage = { description: 'embedded PostgreSQL 18 in .nervecenter' };
const counts = { events_stored: 0, events_queued: 0, dropped: {} };
const AGAIN = 'to see them again: start it again, or npx nervecenter collector';

describe('what is said at the end', () => {
  const cases = [
    ['nothing where nothing was recorded', counts, ''],
    [
      'how much is kept, and where',
      { ...counts, events_stored: 1234 },
      `1,234 rows kept in ${storage.description}; ${AGAIN}`,
    ],
    [
      'what waits for the next start',
      { ...counts, events_stored: 1, events_queued: 2, dropped: { spool_full: 0 } },
      `1 row kept in ${storage.description}, 2 rows wait in the spool for the next start to store them; ${AGAIN}`,
    ],
    [
      'what is lost, and why',
      { events_stored: 0, events_queued: 5, dropped: { spool_full: 3, rejected: 1 } },
      `5 rows wait in the spool for the next start to store them, 4 rows lost (spool_full, rejected); ${AGAIN}`,
    ],
  ] as const;
  for (const [what, all, expected] of cases)
    it(`is ${what}`, () => assert.equal(stopNotice({ counts: all, storage }), expected));

  it('is that nothing is kept where storage is off', () => {
    assert.match(stopNotice({ counts, storage: null }), /^nothing is kept \(NERVECENTER_STORAGE=off\)$/);
  });
});
