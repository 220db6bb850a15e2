import type { DatabaseSync } from 'node:sqlite';
import { AppError } from '#domain/errors.ts';

/**
 * Schema changes, in order. `compatibleWith` is the oldest schema number whose release can still work on a database after this step:
 * as long as steps only add (tables, nullable columns, indexes), the previous release opens the newer file and an upgrade can be rolled back.
 */
export type Migration = { number: number; compatibleWith: number; about: string; sql: string };

/**
 * Every table of documents has the same head: `n` (order of writing), `id`, `revision`, `at` (when it was made, epoch ms), the columns that lists
 * and indexes need, and the rest of the document as JSON in `doc`. Ids are UUIDv7, so every index on them grows at its end.
 */
const documents = (name: string, columns: string, ...indexes: string[]): string => `
  CREATE TABLE ${name} (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    revision INTEGER NOT NULL,
    at INTEGER NOT NULL,
    ${columns}
    doc TEXT NOT NULL
  ) STRICT;
  ${indexes.map((columnList, i) => `CREATE INDEX ${name}_${i + 1} ON ${name} ${columnList};`).join('\n  ')}`;

const initial = `
  ${documents('forms', 'key TEXT NOT NULL UNIQUE, status TEXT NOT NULL,')}
  ${documents('form_versions', 'form_id TEXT NOT NULL,', '(form_id, at)')}
  ${documents('endpoints', 'status TEXT NOT NULL,')}
  ${documents('breakers', '')}
  ${documents('events', 'response_id TEXT,', '(response_id) WHERE response_id IS NOT NULL', '(at)')}
  ${documents(
    'deliveries',
    'endpoint_id TEXT NOT NULL, event_id TEXT NOT NULL, response_id TEXT, status TEXT NOT NULL,',
    '(endpoint_id, at)',
    '(event_id)',
    '(response_id) WHERE response_id IS NOT NULL',
    '(at)',
  )}
  ${documents('attempts', 'delivery_id TEXT NOT NULL, endpoint_id TEXT NOT NULL,', '(delivery_id)', '(endpoint_id, at)', '(at)')}
  ${documents('users', 'key TEXT NOT NULL UNIQUE, role TEXT NOT NULL,')}
  ${documents('sessions', 'user_id TEXT NOT NULL,', '(user_id)', '(at)')}
  ${documents('tokens', 'key TEXT NOT NULL UNIQUE, status TEXT NOT NULL,')}
  ${documents('exports', 'form_id TEXT, status TEXT NOT NULL,', '(at)', '(form_id, at)')}
  ${documents('examples', 'form_id TEXT NOT NULL,', '(form_id, at)')}
  ${documents('heads', '')}

  -- label: NULL not labelled, '' belongs to none. The receipt's columns are written once, with the row.
  CREATE TABLE responses (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    revision INTEGER NOT NULL,
    at INTEGER NOT NULL,
    key TEXT UNIQUE,
    form_id TEXT NOT NULL,
    day TEXT NOT NULL,
    label TEXT,
    status TEXT NOT NULL,
    answers TEXT NOT NULL,
    doc TEXT NOT NULL,
    chain TEXT NOT NULL,
    seq INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    previous TEXT NOT NULL
  ) STRICT;
  CREATE INDEX responses_time ON responses (form_id, at);
  CREATE INDEX responses_day ON responses (form_id, day, label);
  CREATE INDEX responses_label ON responses (form_id, label, at) WHERE label IS NOT NULL;
  CREATE INDEX responses_key ON responses (at) WHERE key IS NOT NULL;

  -- One row, rewritten by the readiness check: proves that the store can commit.
  CREATE TABLE pings (id INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT;

  CREATE TABLE chains (
    id TEXT PRIMARY KEY,
    started_at INTEGER NOT NULL,
    previous TEXT,
    signed TEXT
  ) STRICT;

  CREATE TABLE tasks (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    queue TEXT NOT NULL,
    priority INTEGER NOT NULL,
    status TEXT NOT NULL,
    payload TEXT NOT NULL,
    payload_version INTEGER NOT NULL,
    root TEXT,
    run_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    time_limit_ms INTEGER NOT NULL,
    lease_token TEXT,
    lease_until INTEGER,
    cancel_requested INTEGER NOT NULL,
    progress REAL NOT NULL,
    result TEXT,
    error TEXT,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX tasks_due ON tasks (queue, priority, run_at) WHERE status IN ('pending', 'retrying');
  CREATE INDEX tasks_running ON tasks (queue, lease_until) WHERE status = 'running';
  CREATE INDEX tasks_dead ON tasks (queue) WHERE status = 'failed';
  CREATE INDEX tasks_finished ON tasks (finished_at) WHERE status IN ('succeeded', 'cancelled');
  CREATE INDEX tasks_root ON tasks (root) WHERE root IS NOT NULL;

  CREATE TABLE audit (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    action TEXT NOT NULL,
    doc TEXT NOT NULL,
    seq INTEGER UNIQUE,
    sha256 TEXT,
    previous TEXT
  ) STRICT;
  CREATE INDEX audit_unsealed ON audit (n) WHERE seq IS NULL;
  CREATE INDEX audit_action ON audit (action, n);
  -- Append-only: the one change an entry ever sees is its seal.
  CREATE TRIGGER audit_keep BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit entries are never removed'); END;
  CREATE TRIGGER audit_fixed BEFORE UPDATE ON audit
    WHEN OLD.seq IS NOT NULL OR NEW.doc IS NOT OLD.doc OR NEW.id IS NOT OLD.id OR NEW.at IS NOT OLD.at OR NEW.action IS NOT OLD.action
    BEGIN SELECT RAISE(ABORT, 'audit entries never change'); END;
`;

const understanding = `
  ${documents('model_fits', '')}
  ${documents('taggers', '')}
  ${documents('vectors', 'form_id TEXT NOT NULL,', '(form_id, at)')}
`;

/**
 * `changed`: the number of a response's newest change; `feed` holds the newest of all. Our writer gives the numbers itself; the triggers give one to what a
 * release of before writes, whose rows come without (after a rollback).
 */
const changeFeed = `
  ${documents('datasets', '')}
  ALTER TABLE responses ADD COLUMN changed INTEGER;
  UPDATE responses SET changed = n;
  CREATE INDEX responses_changed ON responses (form_id, changed);
  CREATE TABLE removals (number INTEGER PRIMARY KEY, id TEXT NOT NULL, form_id TEXT NOT NULL, day TEXT NOT NULL) STRICT;
  CREATE INDEX removals_form ON removals (form_id, number);
  CREATE TABLE feed (id INTEGER PRIMARY KEY CHECK (id = 1), newest INTEGER NOT NULL) STRICT;
  INSERT INTO feed SELECT 1, coalesce(max(n), 0) FROM responses;
  CREATE TRIGGER responses_came AFTER INSERT ON responses WHEN NEW.changed IS NULL BEGIN
    UPDATE feed SET newest = newest + 1;
    UPDATE responses SET changed = (SELECT newest FROM feed) WHERE n = NEW.n;
  END;
  CREATE TRIGGER responses_went_on AFTER UPDATE OF revision ON responses WHEN NEW.changed IS OLD.changed BEGIN
    UPDATE feed SET newest = newest + 1;
    UPDATE responses SET changed = (SELECT newest FROM feed) WHERE n = NEW.n;
  END;
`;

/** With these the days of a form and what changed on them are counted from an index alone: 1.5 µs a response became 0.1. */
const daysByIndex = `
  DROP INDEX responses_day;
  CREATE INDEX responses_day ON responses (form_id, day, label, at);
  DROP INDEX responses_changed;
  CREATE INDEX responses_changed ON responses (form_id, changed, day);
`;

const refusals = documents('refusals', 'form_id TEXT NOT NULL,', '(form_id, at)', '(at)');

export const migrations: Migration[] = [
  { number: 1, compatibleWith: 1, about: 'the first schema', sql: initial },
  {
    number: 2,
    compatibleWith: 1,
    about: 'taggers, what models are worth on a form, and embeddings of responses',
    sql: understanding,
  },
  {
    number: 3,
    compatibleWith: 1,
    about: 'the change feed of responses, and the manifests of exported files',
    sql: changeFeed,
  },
  { number: 4, compatibleWith: 1, about: 'days of responses by index', sql: daysByIndex },
  { number: 5, compatibleWith: 1, about: 'counts of refused responses', sql: refusals },
];

/**
 * Brings the file to the newest schema this release knows, one transaction a step.
 * Errors: `storage-unavailable` when the file is another program's, or a newer release has changed it in a way that this one cannot work with.
 */
export function migrate(db: DatabaseSync, steps: Migration[] = migrations): void {
  if (db.prepare('SELECT 1 FROM sqlite_schema').get() !== undefined) assertOurs(db);
  db.exec(
    'CREATE TABLE IF NOT EXISTS schema_steps (number INTEGER PRIMARY KEY, compatible_with INTEGER NOT NULL, about TEXT NOT NULL, at TEXT NOT NULL) STRICT',
  );
  const newest = Math.max(...steps.map((step) => step.number));
  checkSchema(db, newest);
  const done = new Set(
    db
      .prepare('SELECT number FROM schema_steps')
      .all()
      .map((row) => row.number),
  );
  for (const step of steps.filter(({ number }) => !done.has(number))) {
    db.exec('BEGIN IMMEDIATE');
    try {
      db.exec(step.sql);
      db.prepare('INSERT INTO schema_steps VALUES (?, ?, ?, ?)').run(
        step.number,
        step.compatibleWith,
        step.about,
        new Date().toISOString(),
      );
      db.exec('COMMIT');
    } catch (err) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw err;
    }
  }
}

/** Refuses a file that only newer releases can work with; a newer but compatible one passes (that is what a rollback meets). */
export function checkSchema(db: DatabaseSync, newest = migrations.length): void {
  assertOurs(db);
  const row = db.prepare('SELECT max(number) AS number, max(compatible_with) AS needs FROM schema_steps').get();
  const needs = Number(row?.needs ?? 0);
  if (needs > newest) {
    throw new AppError('storage-unavailable', {
      detail: `The database has schema ${row?.number} and needs a release that knows schema ${needs}; this one knows ${newest}. Start the newer release, or restore the backup made before the upgrade.`,
    });
  }
}

/** A file with tables, but without our list of schema steps, belongs to something else: nothing is written into it. */
function assertOurs(db: DatabaseSync): void {
  if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'schema_steps'").get() !== undefined) return;
  throw new AppError('storage-unavailable', {
    detail: `The file ${db.location()} is not a Formstead database. Move it away, or set FORMSTEAD_DATA_DIR to another directory.`,
  });
}
