/** Runs beside the database: waits until no response carries what follows from its commit any more, and prints how many milliseconds that took. */
import { setTimeout as pause } from 'node:timers/promises';
import { openDatabase } from './database.ts';

const { db, close } = await openDatabase();
const from = performance.now();
while ((await db.collection('responses').findOne({ waiting: { $gt: 0 } }, { projection: { _id: 1 } })) !== null)
  await pause(50);
console.log(Math.round(performance.now() - from));
await close();
