import { Command } from 'commander';
import { AppError } from '#domain/errors.ts';
import type { DemoOptions } from './demo.ts';
import { sentencesOf } from './doctor/disk-fault.ts';
import type { EvalOptions } from './eval.ts';
import { addModelCommands } from './models/program.ts';
import type { SqlOptions } from './sql/sql.ts';
import { version } from './version.ts';

/* The command line. Each command's code is loaded when it is called, so that `formstead serve` does not read the demo. */

export async function run(argv: string[]): Promise<void> {
  const program = new Command('formstead')
    .description(
      'A self-hosted form backend: keeps what people write, understands it on your own CPU, passes it on, and counts it.',
    )
    .version(version)
    .addHelpText(
      'after',
      `
Settings come from the environment; every one is explained in docs/reference/configuration.md.

First steps:
  $ npm run demo                       see everything at work, on a data directory that is thrown away
  $ npm start                          run the server; the first start prints the administrator's password once
  $ npm run formstead -- doctor        what is wrong with this machine or this configuration, and how to mend it`,
    );

  program
    .command('serve')
    .description('Run the server: API, workers and schedules in one process; in the stack the API alone, in several')
    .option('--no-workers', 'the API alone: responses are kept, their tasks wait for a start with workers')
    .addHelpText(
      'after',
      `
SIGTERM stops it in order: no new requests, running tasks finished or handed back, the store closed. Whatever was
answered with 202 is on disk before the answer, so a kill -9 loses nothing either.

In the stack it is FORMSTEAD_WORKERS processes under a supervisor, by default one for each CPU it may use. One that dies,
hangs for 10 s or grows beyond FORMSTEAD_API_MEMORY is replaced, and SIGHUP replaces all, one after another, without a
refused connection. With 78 (a setting is wrong) or 1 (a process died five times at once) the supervisor ends too.

With FORMSTEAD_TLS_CERTIFICATE_FILE and FORMSTEAD_TLS_KEY_FILE it serves HTTPS and nothing else. SIGHUP reads both again;
what cannot be used is said in the log, and the certificate before goes on.

  $ FORMSTEAD_DATA_DIR=/var/lib/formstead FORMSTEAD_PORT=8080 formstead serve`,
    )
    .action(async (options: { workers: boolean }) => (await import('./serve.ts')).serve(options));

  program
    .command('worker')
    .description('Work on queues of the stack (MONGODB_URL and REDIS_URL), as many processes as you like')
    .requiredOption('--queue <name...>', 'high-priority, default or batched')
    .addHelpText(
      'after',
      `
high-priority  people wait for it      FORMSTEAD_CONCURRENCY_HIGH at once, by default one for each CPU
default        webhooks, exports …     FORMSTEAD_CONCURRENCY_DEFAULT, 4; keeps the schedules too
batched        reading of responses    FORMSTEAD_CONCURRENCY_BATCHED, 8

Health and metrics are at FORMSTEAD_METRICS_PORT (9464): /health, /health/ready, /metrics. SIGTERM stops it in order: what
runs is finished or handed back. A worker that is killed leaves its tasks to the others, who have them within 15 s.

  $ formstead worker --queue high-priority
  $ formstead worker --queue default batched`,
    )
    .action(async (options: { queue: string[] }) => (await import('./worker.ts')).work(options));

  program
    .command('verify')
    .description('Reconcile receipts, responses, tasks and deliveries, and print one line')
    .option('--json', 'print the verdict as JSON')
    .addHelpText(
      'after',
      `
Reads only, beside a running server too. Exit code 0: everything adds up. 1: it does not; what is wrong is on standard error.`,
    )
    .action(async (options: { json?: boolean }) => (await import('./verify.ts')).verify(options));

  program
    .command('demo')
    .description(
      'See everything at work in under a minute, on a data directory that is thrown away or on an installation',
    )
    .option('--keep', 'leave the server running at the end and print where')
    .option('--url <url>', 'an installation that runs, instead of a server of its own')
    .option(
      '--responses <count>',
      'how many to each of the three forms; by default all, 60 with --url, 20 with --model',
    )
    .option(
      '--receiver <url>',
      'with --url: where the installation reaches this machine, to receive webhooks at that port',
    )
    .option('--model [name]', 'with a language model: a known name (by default smollm2-135m-q4) or a GGUF file')
    .option('--models-dir <directory>', 'where models stay between two demos; by default ~/.cache/formstead-models')
    .addHelpText(
      'after',
      `
Publishes the example forms, teaches them, sends all example responses from several clients at once, kills the server with
SIGKILL in the middle, receives the webhooks in a process of its own that checks every signature, exports, verifies, and
prints what was lost: nothing, or the exit code is 1.

On an installation it signs in as FORMSTEAD_ADMIN_EMAIL with FORMSTEAD_ADMIN_PASSWORD (or …_FILE), kills nothing, and waits
where the installation's rate limits tell it to. Instead of verifying the store it compares every receipt with what was
answered. Its forms are called "(demo)" and stay behind, archived, with their responses.

With --model it first pulls that language model and the embedding model minilm-l6-int8, unless they are there; sends 20
responses to each form; and shows what each tier did, a field with its place, and a draft with its provenance.

  $ NODE_EXTRA_CA_CERTS=deploy/secrets/ca_certificate formstead demo --url https://forms.example.org
  $ formstead demo --model
  $ formstead demo --model /media/usb/my-model.gguf`,
    )
    .action(async (options: DemoOptions) => (await import('./demo.ts')).demo(options));

  program
    .command('export')
    .description('Write the responses of a form, or of all, into a file')
    .requiredOption('--out <file>', 'the file to write')
    .option('--form <id or slug>', 'only this form')
    .option('--format <format>', 'jsonl (gzip), parquet or csv', 'jsonl')
    .option('--from <time>', 'submitted at or after: RFC 3339, or a day (its beginning in UTC)')
    .option('--to <time>', 'submitted before')
    .addHelpText(
      'after',
      `
Reads only, beside a running server too. The same rows and columns as POST /api/v1/exports.

  $ formstead export --form contact --format parquet --out contact.parquet`,
    )
    .action(async (options) => (await import('./exports/export-file.ts')).exportFile(options));

  program
    .command('sql')
    .description('Ask one SELECT of the responses of forms')
    .argument('<select>', 'the SQL')
    .requiredOption('--table <name=form>', 'a name in the SQL, and the id or slug of its form; once for each', each)
    .option('--param <name=value>', 'a value for $name: a number, true, false, null, or a text; once for each', each)
    .option('--format <format>', 'table, json; into a file ndjson, csv, parquet', 'table')
    .option('--out <file>', 'the file to write')
    .addHelpText(
      'after',
      `
Reads only, beside a running server too: the exported files of the forms, and what has changed since. What may be asked, and
the limits, are those of POST /api/v1/analytics/sql; columns are those of an export, and none is masked.

  $ formstead sql --table t=contact 'SELECT label, count(*) FROM t GROUP BY label ORDER BY 2 DESC'
  $ formstead sql --table t=contact --param since=2026-11-01 'SELECT * FROM t WHERE day >= $since::DATE' --format csv --out november.csv`,
    )
    .action(async (sql: string, options: SqlOptions) => (await import('./sql/sql.ts')).askSql(sql, options));

  program
    .command('exports')
    .description('The files that are written every night')
    .command('verify')
    .description('Read them all again and compare them with their manifests and with the store')
    .option('--form <id or slug>', 'only this form')
    .option('--json', 'print the verdict as JSON')
    .addHelpText(
      'after',
      `
Reads only, beside a running server too. Exit code 0: everything adds up. 1: it does not; what is wrong is on standard error,
and the next update (every night, or POST /api/v1/forms/{id}/dataset) writes files that are lost or cut off again, and the
manifest.json beside them. Responses of forms that have no files yet are counted, and such a form is named on standard error
when a night has passed; that alone is 0.`,
    )
    .action(async (options) => (await import('./exports/verify-exports.ts')).verifyExports(options));

  addEval(program);

  const user = program.command('user').description('Add and change users without the API; the server must be stopped');
  user
    .command('add <email>')
    .description('Add a user; the password is read from standard input or generated and printed')
    .option('--role <role>', 'admin, editor, analyst or viewer', 'viewer')
    .option('--name <name>')
    .option('--password-stdin', 'read the password from the first line of standard input')
    .action(async (email: string, options) => (await import('./user.ts')).addUser(email, options));
  user
    .command('list')
    .description('List the users')
    .action(async () => (await import('./user.ts')).listUsers());
  user
    .command('password <email>')
    .description('Set a new password (generated and printed, or from standard input); ends every login of the user')
    .option('--password-stdin', 'read the password from the first line of standard input')
    .action(async (email: string, options) => (await import('./user.ts')).setPassword(email, options));
  user
    .command('disable <email>')
    .description('Disable a user and end every login')
    .action(async (email: string) => (await import('./user.ts')).setStatus(email, 'disabled'));
  user
    .command('enable <email>')
    .description('Enable a user again')
    .action(async (email: string) => (await import('./user.ts')).setStatus(email, 'active'));

  addModelCommands(program);
  addStackCommands(program);

  program
    .command('doctor')
    .description('Say what is wrong with this machine and this configuration, and how to mend it')
    .option('--settings', 'also print every setting as it is read')
    .addHelpText('after', '\nExit code 0: nothing keeps the server from running well. 1: something does.')
    .action(async (options: { settings?: boolean }) => (await import('./doctor.ts')).doctor(options));

  program
    .command('health')
    .description('Ask a running process whether it may serve or work, for the health check of a container')
    .option('--url <url>', 'what to ask instead of /health/ready at FORMSTEAD_METRICS_PORT (9464) on this machine')
    .addHelpText(
      'after',
      `
Exit code 0: it answered with 200. 1: it did not within four seconds; what it said is on standard error. Over HTTPS this
machine's own certificate is not checked.

  $ formstead health
  $ formstead health --url http://127.0.0.1:8080/health/ready`,
    )
    .action(async (options: { url?: string }) => (await import('./health.ts')).health(options));

  program
    .command('prepare-mongodb')
    .description('Make a new MongoDB server a replica set of one, with an administrator and the user of MONGODB_URL')
    .option('--via <host:port>', 'where it is reached over loopback', '127.0.0.1:27017')
    .requiredOption('--member <host:port>', 'under which name the other processes find it')
    .requiredOption('--admin-password-file <file>', 'the password of its administrator, root')
    .addHelpText(
      'after',
      `
A server that demands passwords lets somebody in without one only over loopback, and only until its first user is made: so this
runs in the same container, or in one that shares its network. On a server that is prepared it sets the user's password again.

  $ formstead prepare-mongodb --member mongodb:27017 --admin-password-file /run/secrets/mongodb_admin_password`,
    )
    .action(async (options) => (await import('./prepare-mongodb.ts')).prepare(options));

  try {
    await program.parseAsync(argv);
  } catch (err) {
    // What the operator can mend is said in a sentence; anything else keeps its stack.
    if (!(err instanceof AppError)) throw err;
    console.error(`formstead: ${sentencesOf(err)}`);
    for (const { pointer, detail } of err.issues ?? []) console.error(`  ${pointer}: ${detail}`);
    process.exitCode ??= 1;
  }
}

/** Takes an option each time it is given. One that takes several values at once would take the argument behind it too. */
function each(value: string, before: string[] = []): string[] {
  return [...before, value];
}

function addEval(program: Command): void {
  program
    .command('eval')
    .description('Say how good the labels and fields of a form are, against what people say is right')
    .requiredOption('--form <id or slug>', 'the form')
    .option('--file <jsonl>', 'texts with what is right, a JSON object a line')
    .option('--reviews', 'what people said of responses, against what the machine had said')
    .option('--limit <number>', 'at most so many texts, of reviews the newest')
    .option('--all-tiers', 'ask every tier about every text, not only about what those before it leave open')
    .option('--no-model', 'do not ask the language model')
    .option('--json', 'print everything as JSON')
    .addHelpText(
      'after',
      `
Reads only, beside a running server too. A line of the file has a text, and a label, fields, or both; null is "none of the
labels", and a field that is not named is not in the text. "at" says when the text was written ("tomorrow" depends on it).

  {"text": "My parcel is late", "label": "delivery"}
  {"text": "Call me on 3 May", "fields": {"day": "2026-05-03"}, "at": "2026-04-27T09:00:00Z"}

Labels: accuracy, macro-F1, expected calibration error (15 bins), the share answered and the accuracy at each threshold, the
ten worst labels; of the trained head, of the language model (llm), of both (joint), and of what would be kept (cascade).
Fields: precision, recall and F1 by field and tier; "all" is what would be kept. The language model runs in a process of its
own beside that of the server, and takes as much memory again.

With --reviews nothing is asked again. What people chose to review is no fair sample: people look at what is doubtful.

Exit code 0: it was evaluated. 2: it cannot be (no such form, a line that cannot be used, nothing to evaluate).

  $ formstead eval --form contact --file held-out.jsonl
  $ formstead eval --form contact --reviews --limit 500 --json`,
    )
    .action(async (options: EvalOptions) => (await import('./eval.ts')).evaluate(options));
}

function addStackCommands(program: Command): void {
  program
    .command('move')
    .description('Move an embedded installation into the stack (MONGODB_URL, REDIS_URL, FORMSTEAD_SECRET_KEY)')
    .requiredOption('--from <directory>', 'the data directory of the embedded installation, its server stopped')
    .addHelpText(
      'after',
      `
Everything is copied as it is: responses with their receipts, tasks in every state, the audit log with its seals, files
into FORMSTEAD_DATA_DIR. Then it is read again, compared and verified. Stopped or killed on the way, the same command goes
on. The database must be empty, and nothing of the stack may run on it before the end. The directory stays as it is, but
for a note by which no server starts there again.

Exit code 0: both are the same. 1: they are not, or the move was refused; what is wrong is on standard error.

  $ formstead move --from /var/lib/formstead`,
    )
    .action(async (options: { from: string }) => (await import('./move.ts')).move(options));

  const queues = program
    .command('queues')
    .description('Look at the queues of the stack, pause them, or fill them anew')
    .addHelpText(
      'after',
      `
The tasks are in the store; Redis carries their ids to the workers, and may be emptied at any time.

  $ formstead queues list
  $ formstead queues pause --queue default`,
    );
  for (const [name, about] of [
    ['list', 'What waits, runs and is dead, in the store and in Redis'],
    ['pause', 'Let no worker start a task until resume; what runs goes on, and responses are accepted'],
    ['resume', 'Let the workers go on'],
    ['rebuild', 'Drop what Redis holds of the queues, and offer what is due in the store'],
  ] as const)
    queues
      .command(name)
      .description(about)
      .option('--queue <name>', 'high-priority, default or batched; all of them without it')
      .action(async (options: { queue?: string }) => (await import('./queues.ts')).queues(name, options));
}
