/**
 * Runs beside the database: reads `{ "collection": [ids] }` from standard input and prints for each collection how many of them are not there, and how long
 * its newest record is.
 */
import { text } from 'node:stream/consumers';
import { BSON } from 'mongodb';
import { openDatabase } from './database.ts';

const wanted: Record<string, string[]> = JSON.parse(await text(process.stdin));
const { db, close } = await openDatabase(120_000);
const answer: Record<string, { missing: number; bytes: number }> = {};
for (const [name, ids] of Object.entries(wanted)) {
  const collection = db.collection<{ _id: string }>(name);
  let found = 0;
  for (let from = 0; from < ids.length; from += 500)
    found += await collection.countDocuments({ _id: { $in: ids.slice(from, from + 500) } });
  const [newest] = await collection.find().sort({ at: -1, createdAt: -1 }).limit(1).toArray();
  answer[name] = { missing: ids.length - found, bytes: newest ? BSON.calculateObjectSize(newest) : 0 };
}
await close();
console.log(JSON.stringify(answer));
