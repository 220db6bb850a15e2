import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Download, download } from '#adapters/models-fs/download.ts';
import { get, textOf } from '#adapters/models-fs/http-get.ts';
import { AppError } from '#domain/errors.ts';
import { fileServer, type Served, sha256Of } from '../support/file-server.ts';
import { listening } from '../support/listening.ts';
import { eventually } from '../support/program.ts';
import { selfSignedCertificate } from '../support/self-signed-certificate.ts';

/* Downloads from a real server on loopback that misbehaves. */

const limit = { timeout: 30_000 };
const data = randomBytes(1_000_000);

async function world(t: TestContext, file: Partial<Served> = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'formstead-download-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const server = await fileServer(t);
  const served: Served = { data, ...file };
  server.files.set('/model', served);
  const reserved: number[] = [];
  const seen: number[] = [];
  const start = (over: Partial<Download> = {}, network: { signal?: AbortSignal; idleMs?: number } = {}) =>
    download(
      {
        url: new URL(`${server.url}/model`),
        path: join(dir, 'model'),
        bytes: data.length,
        most: data.length,
        sha256: sha256Of(data),
        reserve: async (bytes) => void reserved.push(bytes),
        progress: (bytes) => void seen.push(bytes),
        ...over,
      },
      { idleMs: 2000, pauseMs: 5, ...network },
    );
  const part = join(dir, 'model.part');
  return {
    dir,
    server,
    served,
    start,
    part,
    reserved,
    seen,
    ranges: () => server.requests.map((r) => r.headers.range),
  };
}

const code = (wanted: string, pattern: RegExp) => (err: unknown) => {
  assert.ok(err instanceof AppError, String(err));
  assert.equal(err.code, wanted);
  assert.match(err.detail, pattern);
  return true;
};

test('a file arrives whole and checked, and its room is asked for before the first byte', limit, async (t) => {
  const { start, part, reserved, seen } = await world(t);
  assert.equal((await start()).sha256, sha256Of(data));
  assert.deepEqual(await readFile(part), data);
  assert.deepEqual(reserved, [data.length]);
  assert.equal(seen.at(-1), data.length);
});

test('a connection that is cut is gone on with where it was', limit, async (t) => {
  const { start, part, ranges } = await world(t, { cut: { after: 300_000, times: 3 } });
  await start();
  assert.deepEqual(await readFile(part), data);
  assert.deepEqual(ranges(), [undefined, 'bytes=300000-', 'bytes=600000-', 'bytes=900000-']);
});

test('a later try goes on with what an earlier one has left', limit, async (t) => {
  const place = await world(t, { slow: 20 });
  const { start, part, ranges, reserved } = place;
  const size = await stopHalfway(place);
  await start();
  assert.deepEqual(ranges(), [`bytes=${size}-`]);
  assert.deepEqual(reserved, [data.length - size]);
  assert.deepEqual(await readFile(part), data);
});

/** Leaves a part behind, of which it returns the size, and a server that is quick from then on. */
async function stopHalfway({ start, part, served, server, reserved }: Awaited<ReturnType<typeof world>>) {
  const stop = new AbortController();
  const first = start({}, { signal: stop.signal });
  await eventually(async () => (await stat(part).catch(() => ({ size: 0 }))).size > 100_000);
  stop.abort();
  await assert.rejects(first, code('conflict', /^Stopped\. The same command again/));
  delete served.slow;
  server.requests.length = 0;
  reserved.length = 0;
  return (await stat(part)).size;
}

test('a server without ranges sends it again from the beginning', limit, async (t) => {
  const { start, part, server } = await world(t, { ranges: false, cut: { after: 300_000, times: 1 } });
  await start();
  assert.equal(server.requests.length, 2);
  assert.deepEqual(await readFile(part), data);
});

test('a part without anything to know its file by is not gone on with', limit, async (t) => {
  const { start, part, ranges } = await world(t, { etag: null, cut: { after: 300_000, times: 1 } });
  await start();
  assert.deepEqual(ranges(), [undefined, undefined]);
  assert.deepEqual(await readFile(part), data);
});

test('a file that has changed meanwhile is fetched from the beginning', limit, async (t) => {
  const place = await world(t, { data: randomBytes(1_000_000), slow: 20 });
  const size = await stopHalfway(place);
  place.served.data = data;
  await place.start();
  assert.deepEqual(place.ranges(), [`bytes=${size}-`]);
  assert.deepEqual(place.reserved, [data.length]);
  assert.deepEqual(await readFile(place.part), data);
});

test('a part of another address is not gone on with', limit, async (t) => {
  const { start, part, ranges } = await world(t);
  await writeFile(part, randomBytes(1000));
  await writeFile(`${part}.json`, JSON.stringify({ url: 'https://example.org/model', validator: '"x"' }));
  await start();
  assert.deepEqual(ranges(), [undefined]);
  assert.deepEqual(await readFile(part), data);
});

test(
  'neither password nor signature of an address come into a file, and its part is gone on with',
  limit,
  async (t) => {
    const { start, dir, part, server, served, ranges } = await world(t, { slow: 20 });
    server.files.set('/model?signature=f00d', served);
    const url = new URL(`${server.url.replace('//', '//ada:s3cret@')}/model?signature=f00d`);
    const stop = new AbortController();
    const first = start({ url, progress: () => stop.abort() }, { signal: stop.signal });
    await assert.rejects(first, code('conflict', /^Stopped/));
    assert.deepEqual(await readdir(dir), ['model.part', 'model.part.json']);
    assert.doesNotMatch(await readFile(`${part}.json`, 'utf8'), /ada|s3cret|f00d/);
    const { size } = await stat(part);
    delete served.slow;
    await start({ url });
    assert.deepEqual(ranges(), [undefined, `bytes=${size}-`]);
  },
);

test('a part that was spoilt on the disk is found by the checksum and removed', limit, async (t) => {
  const place = await world(t, { slow: 20 });
  const size = await stopHalfway(place);
  await writeFile(place.part, randomBytes(size));
  await assert.rejects(place.start(), code('value-refused', /another checksum/));
  assert.deepEqual(await readdir(place.dir), []);
  await place.start();
  assert.deepEqual(await readFile(place.part), data);
});

test('a part that is whole is taken without a request, if it is the file', limit, async (t) => {
  const { start, part, server, ranges } = await world(t);
  await start();
  server.requests.length = 0;
  assert.equal((await start()).sha256, sha256Of(data));
  assert.equal(server.requests.length, 0);
  await writeFile(part, randomBytes(data.length));
  await start();
  assert.deepEqual(ranges(), [undefined], 'another file of that size is fetched anew');
  assert.deepEqual(await readFile(part), data);
});

test('a part that is longer than the file is no beginning of it', limit, async (t) => {
  const { start, part, ranges, server } = await world(t);
  const most = 2 * data.length;
  await start({ bytes: undefined, most });
  await writeFile(part, randomBytes(data.length + 1));
  server.requests.length = 0;
  await start({ bytes: undefined, most });
  assert.deepEqual(ranges(), [`bytes=${data.length + 1}-`, undefined]);
  assert.deepEqual(await readFile(part), data);
});

test('a disk that is slow is not taken for a server that is silent', limit, async (t) => {
  const { start, part, server } = await world(t);
  await start({ reserve: () => sleep(500) }, { idleMs: 100 });
  assert.equal(server.requests.length, 1);
  assert.deepEqual(await readFile(part), data);
});

test('a wrong checksum refuses the file and leaves nothing behind', limit, async (t) => {
  const { start, dir } = await world(t);
  await assert.rejects(
    start({ sha256: 'a'.repeat(64) }),
    code('value-refused', /another checksum than expected \(sha256 [0-9a-f]{64}, 1000000 bytes; expected a{64}/),
  );
  assert.deepEqual(await readdir(dir), []);
});

test('a file of another size is refused before a byte of it is written', limit, async (t) => {
  const { start, part, reserved } = await world(t);
  await assert.rejects(
    start({ bytes: 999_999, most: 999_999 }),
    code('value-refused', /has 1000000 bytes, and 999999/),
  );
  await assert.rejects(start({ bytes: 1_000_001, most: 1_000_001 }), code('value-refused', /It is another file/));
  await assert.rejects(start({ bytes: undefined, most: 10 }), code('value-refused', /at most 10/));
  assert.equal((await stat(part)).size, 0);
  assert.deepEqual(reserved, []);
});

test('a server that does not say the size is stopped at the last byte expected', limit, async (t) => {
  const { start, part } = await world(t, { chunked: true });
  await assert.rejects(start({ bytes: 500_000, most: 500_000 }), code('value-refused', /sends more than the 500000/));
  assert.ok((await stat(part)).size <= 500_000);
});

test('a file that is not there, or wants a login, is said so at once', limit, async (t) => {
  const { start, served, server } = await world(t, { status: 404 });
  await assert.rejects(start(), code('not-found', /is not there \(404\)\. Fetch the file by other means/));
  served.status = 403;
  await assert.rejects(start(), code('value-refused', /wants a login \(403\)/));
  assert.equal(server.requests.length, 2);
});

test('a server that is overloaded is asked five times, and then given up', limit, async (t) => {
  const { start, server } = await world(t, { status: 503 });
  await assert.rejects(start(), code('timeout', /cut off 5 times \(it answered 503\)/));
  assert.equal(server.requests.length, 5);
});

test('a connection that stalls is given up and gone on with by another', limit, async (t) => {
  const { start, part, ranges } = await world(t, { slow: 400 });
  await start({}, { idleMs: 100 });
  assert.equal(ranges()[1], 'bytes=65536-');
  assert.deepEqual(await readFile(part), data);
});

test('a server that takes the question and never answers is given up', limit, async (t) => {
  const { dir } = await world(t);
  const url = await addressOf(t, () => {});
  const job = { url, path: join(dir, 'x'), most: 10, reserve: async () => {}, progress: () => {} };
  await assert.rejects(
    download(job, { idleMs: 50, pauseMs: 1 }),
    code('timeout', /does not answer \(no byte for 0.05 s\)/),
  );
});

test('redirects are followed, five of them, and not to another protocol', limit, async (t) => {
  const { start, part, server } = await world(t, { status: 302, location: '/there' });
  server.files.set('/there', { data });
  await start();
  assert.deepEqual(await readFile(part), data);
  const elsewhere = await world(t, { status: 302, location: 'ftp://127.0.0.1/model' });
  await assert.rejects(elsewhere.start(), code('value-refused', /redirects to where nothing may be fetched/));
  const circle = await world(t, { status: 302, location: '/model' });
  await assert.rejects(circle.start(), code('value-refused', /redirects more than 5 times/));
});

test('a redirect that is refused tells where it leads, without a password or a signature', limit, async (t) => {
  const { start, served } = await world(t, { status: 302 });
  for (const [location, told] of [
    ['ftp://bob:s3cret@mirror.internal/w.whl?signature=f00d', 'ftp://mirror.internal/w.whl'],
    ['sftp://bob:s3cret@mirror.internal/w.whl#f00d', 'sftp://mirror.internal/w.whl'],
    ['mirror:bob:s3cret@internal', 'mirror:'],
    ['http://bob:s3cret@[mirror/w.whl', 'no URL'],
  ] as const) {
    served.location = location;
    await assert.rejects(start(), (err) => {
      assert.ok(err instanceof AppError && err.code === 'value-refused', String(err));
      assert.equal(err.detail.split(' fetched from: ')[1], told);
      return true;
    });
  }
});

/** Of a server on loopback that is gone with the test. */
async function addressOf(t: TestContext, listener: RequestListener): Promise<URL> {
  return new URL(`http://127.0.0.1:${await listening(t, createServer(listener))}/`);
}

test('the body of a redirect is not read on, where it has no end', limit, async (t) => {
  const closed = Promise.withResolvers<void>();
  const url = await addressOf(t, (request, response) => {
    if (request.url === '/there') return void response.end('here');
    response.once('close', closed.resolve).writeHead(302, { location: '/there' });
    const endless = setInterval(() => response.write('x'.repeat(1000)), 5);
    response.once('close', () => clearInterval(endless));
  });
  const network = { idleMs: 2000, pauseMs: 1 };
  assert.equal(await textOf(await get(url, {}, network), 10, network), 'here');
  await Promise.race([closed.promise, sleep(5000).then(() => assert.fail('it is read on'))]);
});

test('who stops while a page is read is told that it is stopped, and nothing of the network', limit, async (t) => {
  const url = await addressOf(t, (_, response) => void response.write('{"files": ['));
  const stop = new AbortController();
  const network = { idleMs: 5000, pauseMs: 1, signal: stop.signal };
  const text = textOf(await get(url, {}, network), 1000, network);
  stop.abort();
  await assert.rejects(text, code('conflict', /^Stopped\./));
});

test('the certificate of an authority of one’s own is trusted when it is named, and only then', limit, async (t) => {
  const day = 86_400_000;
  const [notBefore, notAfter] = [new Date(Date.now() - day), new Date(Date.now() + day)];
  const { key, cert } = selfSignedCertificate({ names: ['localhost'], notBefore, notAfter });
  const secure = createSecureServer({ key, cert }, (_, response) => response.end(data)).listen(0, '127.0.0.1');
  await once(secure, 'listening');
  t.after(() => {
    secure.closeAllConnections();
    secure.close();
  });
  const { dir } = await world(t);
  const url = new URL(`https://localhost:${(secure.address() as AddressInfo).port}/model`);
  const job = { url, path: join(dir, 'x'), most: data.length, reserve: async () => {}, progress: () => {} };
  await assert.rejects(
    download(job, { idleMs: 2000, pauseMs: 1 }),
    code('timeout', /does not answer \(DEPTH_ZERO_SELF_SIGNED_CERT\)\. .+NODE_EXTRA_CA_CERTS/),
  );
  assert.equal((await download(job, { idleMs: 2000, pauseMs: 1, ca: [cert] })).sha256, sha256Of(data));
});

test('a full disk ends it before the first byte', limit, async (t) => {
  const { dir, server } = await world(t);
  const job = {
    url: new URL(`${server.url}/model`),
    path: join(dir, 'other'),
    bytes: data.length,
    most: data.length,
    reserve: () => Promise.reject(new AppError('disk-nearly-full')),
    progress: () => assert.fail('a byte was written'),
  };
  await assert.rejects(download(job, { idleMs: 1000, pauseMs: 1 }), code('disk-nearly-full', /./));
});
