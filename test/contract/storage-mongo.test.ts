import { test } from 'node:test';
import { mongoPlace } from '../support/mongo-place.ts';
import { mongoUrl, noMongo, skipWithout } from '../support/services.ts';
import { storageContract } from './storage.ts';
import { storageProcessContract } from './storage-processes.ts';

const url = mongoUrl();
if (url === undefined) test('storage-mongo keeps the contract of stores', (t) => skipWithout(t, noMongo));
else {
  const place = async () => mongoPlace(url);
  storageContract('storage-mongo', place);
  storageProcessContract('storage-mongo', place, { several: true });
}
