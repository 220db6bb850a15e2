import assert from 'node:assert/strict';
import test from 'node:test';
import { labelWords } from '#domain/label-text.ts';
import { maxTextLength, tokenise } from './normalise.ts';

test('case, compatibility forms and white space do not change the tokens', () => {
  assert.deepEqual(tokenise('  Ｆｕｌｌ\twidth  ﬁt '), ['full', 'width', 'fit']);
  assert.deepEqual(tokenise('Straße CAFE\u0301'), ['straße', 'café']);
});

test('scripts without spaces are cut into characters, others into words', () => {
  assert.deepEqual(tokenise('退款在哪里?'), ['退', '款', '在', '哪', '里', '?']);
  assert.deepEqual(tokenise('返金は Card で'), ['返', '金', 'は', 'card', 'で']);
  assert.deepEqual(tokenise('где моя карта'), ['где', 'моя', 'карта']);
  assert.deepEqual(tokenise('मेरा कार्ड'), ['मेरा', 'कार्ड']);
});

test('signs are tokens, control characters and lone surrogates are not', () => {
  assert.deepEqual(tokenise('why?! 👍'), ['why', '?', '!', '👍']);
  assert.deepEqual(tokenise('a\u0000b\ud800'), ['a', 'b']);
  assert.deepEqual(tokenise(''), []);
});

test('a text is read up to its limit', () => {
  assert.equal(tokenise('a '.repeat(maxTextLength)).length, maxTextLength / 2);
});

test('the words of a label are found in every usual spelling', () => {
  for (const name of ['card_arrival', 'card-arrival', 'cardArrival', 'card.arrival', 'card arrival']) {
    assert.equal(labelWords(name).toLowerCase(), 'card arrival');
  }
});
