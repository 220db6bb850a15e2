import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grammarOf } from './grammar.ts';

test('an answer is one object with every property in order', () => {
  const grammar = grammarOf({
    type: 'object',
    properties: {
      city: { type: 'string-or-null', maxLength: 20 },
      mood: { type: 'one-of', values: ['glad', 'so "so"'] },
    },
  });
  assert.equal(
    grammar.split('\n').slice(0, 3).join('\n'),
    [
      String.raw`root ::= "{" "\"city\": " v0 ", " "\"mood\": " v1 "}"`,
      String.raw`v0 ::= "null" | "\"" char{1,20} "\""`,
      String.raw`v1 ::= "null" | "\"glad\"" | "\"so \\\"so\\\"\""`,
    ].join('\n'),
  );
});

test('words of a text are its own, in their order, from any word on', () => {
  const shape = { type: 'words-of', text: 'Table for 2,\nplease "Jo"', most: 3 } as const;
  const [, rule] = grammarOf({ type: 'object', properties: { a: shape, b: shape } }).split('\n');
  const runs = [
    '"Table" (" for" (" 2")?)?',
    '"for" (" 2" (",")?)?',
    String.raw`"2" ("," ("\\nplease")?)?`,
    String.raw`"please" (" \\\"" ("Jo")?)?`,
    String.raw`"Jo" ("\\\"")?`,
  ];
  assert.equal(rule, String.raw`v0 ::= "null" | "\"" (${runs.join(' | ')}) "\""`);
});

test('of a text without a word there is nothing but null', () => {
  const grammar = grammarOf({ type: 'object', properties: { a: { type: 'words-of', text: ' … !', most: 3 } } });
  assert.equal(grammar.split('\n')[1], 'v0 ::= "null"');
});
