import { sqlitePlace } from '../support/sqlite-place.ts';
import { storageContract } from './storage.ts';
import { storageProcessContract } from './storage-processes.ts';

storageContract('storage-sqlite', sqlitePlace);
storageProcessContract('storage-sqlite', sqlitePlace, { several: false });
