import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from './suggestion.ts';

const names = ['APP_PORT', 'APP_HOST', 'APP_DATA_DIR', 'APP_LOG_LEVEL'];

test('a slip of the fingers is recognised: swapped, missing, doubled, wrong letters, wrong case', () => {
  assert.equal(nearest('APP_PROT', names), 'APP_PORT');
  assert.equal(nearest('APP_HOS', names), 'APP_HOST');
  assert.equal(nearest('APP_DATTA_DIR', names), 'APP_DATA_DIR');
  assert.equal(nearest('app_log_level', names), 'APP_LOG_LEVEL');
  assert.equal(nearest('APP_LOGLEVEL', names), 'APP_LOG_LEVEL');
});

test('of two near names the nearer is meant', () =>
  assert.equal(nearest('APP_POST', ['APP_PORTS', 'APP_HOST', 'APP_COST']), 'APP_HOST'));

test('a name that is near nothing has no suggestion', () => {
  assert.equal(nearest('APP_UNICORNS', names), undefined);
  assert.equal(nearest('', names), undefined);
  assert.equal(nearest('APP_PORT', []), undefined);
});
