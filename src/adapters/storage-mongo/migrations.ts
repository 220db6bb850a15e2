import type { Db, IndexDescription } from 'mongodb';
import { AppError } from '#domain/errors.ts';
import { removalsCollection } from './change-feed.ts';
import { keyedKinds, kinds, layouts } from './collections.ts';
import { commitsCollection, counterNames, countersCollection } from './commit/relay.ts';

/**
 * Changes of the schema, in order. `compatibleWith` is the oldest schema number whose release can still work on a database after this step: as long as
 * steps only add (collections, fields, indexes), the previous release runs on the newer database and an upgrade can be rolled back. A step may run twice,
 * and beside itself in another process.
 */
export type Migration = {
  number: number;
  compatibleWith: number;
  about: string;
  up: (db: Db) => Promise<void>;
};

type StepRecord = { _id: number; compatibleWith: number; about: string; at: string };

const madeInOrder: IndexDescription = { key: { at: 1, _id: 1 } };
const carriesOthers: IndexDescription = { key: { waiting: 1 } };

/** Beside those that every collection of documents has: by time, by what waits in outboxes, by key. */
const indexes: Record<string, IndexDescription[]> = {
  form_versions: [{ key: { formId: 1, at: 1, _id: 1 } }],
  responses: [
    { key: { link: 1 }, unique: true },
    { key: { formId: 1, at: 1, _id: 1 } },
    { key: { formId: 1, label: 1, at: 1, _id: 1 } },
    { key: { keyedAt: 1 }, sparse: true },
  ],
  events: [{ key: { responseId: 1, at: 1 } }],
  deliveries: [
    { key: { endpointId: 1, at: 1, _id: 1 } },
    { key: { eventId: 1, at: 1, _id: 1 } },
    { key: { responseId: 1, at: 1, _id: 1 } },
  ],
  attempts: [{ key: { deliveryId: 1, at: 1, _id: 1 } }, { key: { endpointId: 1, at: 1, _id: 1 } }],
  sessions: [{ key: { userId: 1, at: 1, _id: 1 } }],
  exports: [{ key: { formId: 1, at: 1, _id: 1 } }],
  examples: [{ key: { formId: 1, at: 1, _id: 1 } }],
  tasks: [
    carriesOthers,
    // Due: of each priority the first; ended tasks have no `wakeAt` and stand apart.
    { key: { queue: 1, priority: 1, wakeAt: 1 } },
    { key: { queue: 1, wakeAt: 1 } },
    { key: { queue: 1, status: 1 } },
    { key: { status: 1, finishedAt: 1 } },
    { key: { root: 1 } },
  ],
  audit: [{ key: { place: 1 }, unique: true }, { key: { action: 1, _id: 1 } }],
  chains: [{ key: { number: 1 }, unique: true }],
  [commitsCollection]: [carriesOthers],
};

async function firstSchema(db: Db): Promise<void> {
  for (const kind of kinds) {
    const keyed = (keyedKinds as readonly string[]).includes(kind);
    const own: IndexDescription[] = keyed ? [{ key: { key: 1 }, unique: true }] : [];
    await db.collection(layouts[kind].collection).createIndexes([madeInOrder, carriesOthers, ...own]);
  }
  for (const [collection, those] of Object.entries(indexes)) await db.collection(collection).createIndexes(those);
  const counters = db.collection<{ _id: string; n: number }>(countersCollection);
  for (const _id of Object.values(counterNames))
    await counters.updateOne({ _id }, { $setOnInsert: { n: 0 } }, { upsert: true });
}

/** A database that is made anew has the collection from the first step on. */
async function taggers(db: Db): Promise<void> {
  await db.collection(layouts.tagger.collection).createIndexes([madeInOrder, carriesOthers]);
}

/** What is read of them is read by form: the search by meaning goes through all of one form's vectors. */
async function vectors(db: Db): Promise<void> {
  await db.collection(layouts['model-fit'].collection).createIndexes([madeInOrder, carriesOthers]);
  const ofForm: IndexDescription = { key: { formId: 1, at: 1, _id: 1 } };
  await db.collection(layouts.vector.collection).createIndexes([madeInOrder, carriesOthers, ofForm]);
}

/** What is there already gets its numbers as what comes. */
async function changeFeed(db: Db): Promise<void> {
  await db.collection(layouts.dataset.collection).createIndexes([madeInOrder, carriesOthers]);
  const numbered: IndexDescription[] = [{ key: { formId: 1, changed: 1 } }, { key: { unnumbered: 1 }, sparse: true }];
  for (const name of [layouts.response.collection, removalsCollection])
    await db.collection(name).createIndexes(numbered);
  await db
    .collection(layouts.response.collection)
    .updateMany({ changed: { $exists: false } }, { $set: { unnumbered: true } });
}

async function refusals(db: Db): Promise<void> {
  const ofForm: IndexDescription = { key: { formId: 1, at: 1, _id: 1 } };
  await db.collection(layouts.refusals.collection).createIndexes([madeInOrder, carriesOthers, ofForm]);
}

export const migrations: Migration[] = [
  { number: 1, compatibleWith: 1, about: 'the first schema', up: firstSchema },
  { number: 2, compatibleWith: 1, about: 'taggers', up: taggers },
  { number: 3, compatibleWith: 1, about: 'vectors of responses by form, and what models are worth', up: vectors },
  // A response that an earlier release changes is not marked, and would be missing in every export that follows.
  { number: 4, compatibleWith: 4, about: 'the change feed, and manifests of exported files', up: changeFeed },
  { number: 5, compatibleWith: 4, about: 'counts of refused responses', up: refusals },
];

const stepsIn = (db: Db) => db.collection<StepRecord>('schema_steps');

/** The steps that were taken. Errors: `storage-unavailable` when a newer release has changed the database in a way that this one cannot work with. */
export async function assertKnownSchema(db: Db, steps: Migration[] = migrations): Promise<StepRecord[]> {
  const done = await stepsIn(db).find().toArray();
  const newest = Math.max(...steps.map((step) => step.number));
  const needs = Math.max(0, ...done.map((step) => step.compatibleWith));
  if (needs > newest) {
    throw new AppError('storage-unavailable', {
      detail: `The database has schema ${Math.max(...done.map((step) => step._id))} and needs a release that knows schema ${needs}; this one knows ${newest}. Start the newer release, or restore the backup made before the upgrade.`,
    });
  }
  return done;
}

/** Errors: those of `assertKnownSchema`. */
export async function migrate(db: Db, steps: Migration[] = migrations): Promise<void> {
  const done = await assertKnownSchema(db, steps);
  for (const { number, compatibleWith, about, up } of steps) {
    if (done.some((step) => step._id === number)) continue;
    await up(db);
    const record = { compatibleWith, about, at: new Date().toISOString() };
    await stepsIn(db).updateOne({ _id: number }, { $setOnInsert: record }, { upsert: true });
  }
}
