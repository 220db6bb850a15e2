import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError, type ErrorCode } from '#domain/errors.ts';
import { maxBodyDepth, parseJson } from './media.ts';

function refusedAs(code: ErrorCode, detail?: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, code);
    if (detail !== undefined) assert.match(error.detail ?? '', detail);
    return true;
  };
}

const nested = (levels: number, open = '[', close = ']') => open.repeat(levels) + close.repeat(levels);

test('a body may be nested to the limit and not one level deeper', () => {
  assert.doesNotThrow(() => parseJson(nested(maxBodyDepth)));
  assert.throws(() => parseJson(nested(maxBodyDepth + 1)), refusedAs('body-too-deep'));
  const objects = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
  assert.doesNotThrow(() => parseJson(objects(maxBodyDepth)));
  assert.throws(() => parseJson(objects(maxBodyDepth + 1)), refusedAs('body-too-deep'));
});

test('half a million open brackets are refused, not a stack overflow', () => {
  assert.throws(() => parseJson(nested(500_000)), refusedAs('body-too-deep'));
});

test('keys that reach a prototype are refused at any depth and in any spelling', () => {
  for (const text of [
    '{"__proto__":1}',
    '{"a":[{"b":{"__proto__":{}}}]}',
    '{"\\u005f_proto__":null}',
    '{"constructor":{"prototype":{}}}',
  ]) {
    assert.throws(() => parseJson(text), refusedAs('malformed-body', /not allowed/), text);
  }
  assert.deepEqual(parseJson('{"constructor":"Smith","prototype":1,"proto":2}'), {
    constructor: 'Smith',
    prototype: 1,
    proto: 2,
  });
});

test('of equal keys the last wins', () => {
  assert.deepEqual(parseJson('{"a":1,"a":2}'), { a: 2 });
});

test('what is not JSON is refused with the place, and nothing of the body in the words', () => {
  assert.throws(
    () => parseJson('{"name":\n "secret" oops}'),
    (error) => {
      assert.ok(error instanceof AppError);
      assert.equal(error.detail, 'Unexpected character at position 19 (line 2, column 11)');
      return refusedAs('malformed-json')(error);
    },
  );
  assert.throws(() => parseJson('{"name":'), refusedAs('malformed-json', /ends too early, at position 8/));
  assert.throws(() => parseJson(' '), refusedAs('malformed-json', /empty/));
});
