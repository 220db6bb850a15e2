import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entityTags, matchesEtag } from './etag.ts';

test('tags are read as RFC 9110 has them, and what is no list of tags is none', () => {
  const read: [header: string, tags: ReturnType<typeof entityTags>][] = [
    ['*', '*'],
    [' * ', '*'],
    ['"3"', ['"3"']],
    ['W/"3"', ['W/"3"']],
    ['"a,b" ,\tW/"c", ', ['"a,b"', 'W/"c"']],
    [', "a",,"b"', ['"a"', '"b"']],
    ['""', ['""']],
    ['3', undefined],
    ['"3', undefined],
    ['w/"3"', undefined],
    ['"a" "b"', undefined],
    ['*, "a"', undefined],
    ['', undefined],
  ];
  for (const [header, tags] of read) assert.deepEqual(entityTags(header), tags, header);
});

test('a long header that is nearly a list is refused as fast as it is read', () => {
  const startedAt = performance.now();
  assert.equal(entityTags(`"a"${' ,\t'.repeat(5000)}x`), undefined);
  assert.ok(performance.now() - startedAt < 200);
});

test('for a read a weak tag and a strong one are the same, whichever of the two is sent', () => {
  assert.ok(matchesEtag('"x", W/"3"', '"3"'));
  assert.ok(matchesEtag('"x", "3"', 'W/"3"'));
  assert.ok(matchesEtag('W/"3"', 'W/"3"'));
  assert.ok(!matchesEtag('"W/3"', 'W/"3"'));
  assert.ok(matchesEtag('*', '"3"'));
  assert.ok(!matchesEtag('"x,3"', '"3"'));
  assert.ok(!matchesEtag(undefined, '"3"'));
});
