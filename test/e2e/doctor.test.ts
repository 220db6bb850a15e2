import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MongoClient } from 'mongodb';
import { directory, formstead, served } from '../support/command-line.ts';
import { freePort } from '../support/free-port.ts';
import { eventually, testEnvironment } from '../support/program.ts';
import { ownRedis } from '../support/redis.ts';
import { startSmtpServer } from '../support/smtp-server.ts';
import { stackFor } from '../support/stack-settings.ts';
import { writeTinyGguf } from '../support/tiny-gguf.ts';
import { certificate, tlsFiles } from '../support/tls-files.ts';

/* What `doctor` says beyond the embedded size (command-line.test.ts): of certificates, and of the servers of the stack. */

const limit = { timeout: 60_000 };

test('doctor tells until when each certificate is good, and warns 30 days before', limit, async (t) => {
  const place = directory(t);
  const files = tlsFiles(place);
  files.put();
  const env = testEnvironment(directory(t), files.settings);
  const authority = join(place, 'ca');
  const doctor = async (days?: { fromDay: number; toDay: number }) => {
    if (days) writeFileSync(authority, certificate(days).cert);
    return formstead(['doctor'], { ...env, ...(days && { MONGODB_CA_FILE: authority, REDIS_CA_FILE: authority }) });
  };
  const good = await doctor({ fromDay: -1, toDay: 31 });
  assert.equal(good.code, 0);
  for (const name of ['FORMSTEAD_TLS_CERTIFICATE_FILE', 'MONGODB_CA_FILE', 'REDIS_CA_FILE'])
    assert.match(good.stdout, new RegExp(`^ok +${name}: good until \\d{4}-\\d\\d-\\d\\d$`, 'm'));
  const soon = await doctor({ fromDay: -1, toDay: 29.5 });
  assert.equal(soon.code, 0);
  assert.match(soon.stdout, /^warning +REDIS_CA_FILE: a certificate in .+\/ca ends on [\d-]+, in 29 days\n +\S/m);
  assert.match(soon.stdout, /^ok +FORMSTEAD_TLS_CERTIFICATE_FILE/m);
  const over = await doctor({ fromDay: -3, toDay: -2 });
  assert.match(over.stdout, /^warning +MONGODB_CA_FILE: .+ has ended on [\d-]+$/m);

  files.put({ cert: certificate().cert, key: certificate().key });
  const mixed = await doctor();
  assert.equal(mixed.code, 1);
  assert.match(mixed.stdout, /^fault +FORMSTEAD_TLS_KEY_FILE: .+ holds another key than that of the certificate/m);
});

test('doctor says whether the mail server lets us in, and sends nothing', limit, async (t) => {
  const smtp = await startSmtpServer(t, { login: { user: 'formstead', password: 'right' } });
  const doctor = async (settings: Record<string, string>) =>
    (await formstead(['doctor'], testEnvironment(directory(t), settings))).stdout;
  assert.match(await doctor({}), /^ok +no e-mail is sent: FORMSTEAD_SMTP_URL is not set$/m);
  const set = {
    FORMSTEAD_SMTP_URL: `smtp://127.0.0.1:${smtp.port}`,
    FORMSTEAD_MAIL_FROM: 'forms@example.org',
    FORMSTEAD_SMTP_USER: 'formstead',
  };
  const server = `the SMTP server 127\\.0\\.0\\.1:${smtp.port}`;
  assert.match(
    await doctor({ ...set, FORMSTEAD_SMTP_PASSWORD: 'right' }),
    new RegExp(`^ok +${server} lets us in$`, 'm'),
  );
  const refused = await doctor({ ...set, FORMSTEAD_SMTP_PASSWORD: 'not-this-one' });
  assert.match(refused, new RegExp(`^warning +${server} does not: 535 5\\.7\\.8 wrong user or password$`, 'm'));
  assert.ok(!refused.includes('not-this-one'));
  await smtp.kill();
  assert.match(
    await doctor({ ...set, FORMSTEAD_SMTP_PASSWORD: 'right' }),
    new RegExp(`^warning +${server} does not: .*ECONNREFUSED`, 'm'),
  );
  assert.deepEqual(smtp.taken, []);
});

test('doctor looks at MongoDB and Redis, and leaves nothing behind', limit, async (t) => {
  const env = stackFor(t);
  if (env === undefined) return;
  const good = await formstead(['doctor'], env);
  assert.equal(good.code, 0, good.stdout);
  assert.match(good.stdout, /^ok +MongoDB answers, (replica set \S+|no member of a replica set)$/m);
  assert.match(good.stdout, /^ok +Redis answers, and drops nothing by itself$/m);
  const client = new MongoClient(env.MONGODB_URL!);
  t.after(() => client.close());
  assert.deepEqual(await client.db().listCollections().toArray(), []);

  // What a start refuses, all at once.
  await client.db().collection<{ _id: string; finishedAt: null }>('moves').insertOne({ _id: 'move', finishedAt: null });
  await client
    .db()
    .collection<{ _id: number; compatibleWith: number }>('schema_steps')
    .insertOne({ _id: 99, compatibleWith: 99 });
  await client.db().collection('tasks').insertOne({ queue: 'default', status: 'failed' });
  const bad = await formstead(['doctor'], { ...env, FORMSTEAD_MONGODB_STANDALONE: 'off' });
  assert.equal(bad.code, 1);
  // The stand-in of `npm run services` says that it is one.
  const alone = /^fault +The MongoDB server is no member of a replica set: .+ rs\.initiate/m;
  assert.equal(alone.test(bad.stdout), good.stdout.includes('no member'));
  assert.match(bad.stdout, /^fault +An installation is being moved into this database, .+ formstead move again/m);
  assert.match(bad.stdout, /^fault +The database has schema 99 and needs a release that knows schema 99/m);
  assert.match(bad.stdout, /^warning +1 dead letters wait for a decision$/m);
});

test('doctor says which server does not answer, and that Redis drops entries', limit, async (t) => {
  const redis = await ownRedis(t, ['--maxmemory-policy', 'allkeys-lru']);
  if (redis === undefined) return;
  const nobody = await freePort();
  const password = 'not-to-be-shown-42';
  const env = testEnvironment(directory(t), {
    MONGODB_URL: `mongodb://formstead:${password}@127.0.0.1:${nobody}/formstead`,
    REDIS_URL: redis.url,
    FORMSTEAD_SECRET_KEY: 'a secret key that is for tests alone',
  });
  const first = await formstead(['doctor'], env);
  assert.equal(first.code, 1);
  assert.match(first.stdout, /^fault +MongoDB does not answer: .*ECONNREFUSED.*\n +.*MONGODB_URL/m);
  assert.match(first.stdout, /^warning +Redis answers, .+ \(maxmemory-policy allkeys-lru\)\n +.*noeviction/m);
  await redis.kill();
  const second = await formstead(['doctor'], { ...env, REDIS_URL: redis.url.replace('//', `//:${password}@`) });
  assert.equal(second.code, 1);
  assert.match(second.stdout, /^fault +Redis does not answer: .*ECONNREFUSED.*\n +.*REDIS_URL/m);
  for (const { stdout, stderr } of [first, second]) assert.ok(!`${stdout}${stderr}`.includes(password));
});

test('doctor tells how the language model was measured to run here, and does not start it', limit, async (t) => {
  const dir = directory(t);
  const env = testEnvironment(dir);
  const withModel = { ...env, FORMSTEAD_MODEL: writeTinyGguf(join(directory(t), 'tiny.gguf')) };
  const doctor = async (settings: Record<string, string>) => {
    const { code, stdout } = await formstead(['doctor'], settings);
    assert.equal(code, 0, stdout);
    return stdout;
  };
  const server = await served(t, env);
  assert.match(await doctor(env), /^ok +language model: none in use$/m);
  assert.match(await doctor(withModel), /^ok +language model: .+ its first start here will measure how it runs best$/m);
  server.signal('SIGTERM');
  await server.gone;
  const measuring = await served(t, withModel);
  const file = join(dir, 'model-tuning.json');
  const kept = await eventually(async () => {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      return undefined;
    }
  }, 30_000);
  measuring.signal('SIGTERM');
  await measuring.gone;
  const [tuning] = Object.values(JSON.parse(kept)) as { threads: number; writeRate: number }[];
  const line = /^ok +language model: .+ (\d+) threads?, reads \d+ tokens a second, writes (\d+)/m;
  const [, threads, rate] = line.exec(await doctor(withModel)) ?? [];
  assert.deepEqual([Number(threads), Number(rate)], [tuning!.threads, Math.round(tuning!.writeRate)]);
  assert.match(await doctor({ ...withModel, FORMSTEAD_MODEL_THREADS: '3' }), /3 threads at most, by FORMSTEAD_MODEL_T/);
  // Measured on another machine, or spoilt: it is measured again.
  for (const content of [kept.replaceAll(/ x \d+"/g, ' x 999"'), '{"a/b": null, "c": 1}', 'no json']) {
    writeFileSync(file, content);
    assert.match(await doctor(withModel), /its first start here will measure how/, content);
  }
});
