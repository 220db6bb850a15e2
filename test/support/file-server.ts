import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

export const sha256Of = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

export type Served = {
  data: Buffer;
  type?: string;
  /** Without ranges every answer is the whole file. */
  ranges?: boolean;
  /** Undefined: made from the bytes. */
  etag?: string | null;
  /** Cuts the connection after so many bytes of the answer, so many times. */
  cut?: { after: number; times: number };
  /** Milliseconds between pieces of 64 kB. */
  slow?: number;
  status?: number;
  location?: string;
  /** Without a Content-Length nobody knows the size before the end. */
  chunked?: boolean;
};

/** A file server of this machine that misbehaves as told. Files are looked up by their path at each request. */
export async function fileServer(t: TestContext) {
  const files = new Map<string, Served>();
  const requests: { path: string; headers: IncomingMessage['headers'] }[] = [];
  const server = createServer((request, response) => {
    const path = request.url!;
    requests.push({ path, headers: request.headers });
    const file = files.get(path);
    if (file === undefined) response.writeHead(404).end();
    else answer(file, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, files, requests };
}

async function answer(file: Served, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (file.status !== undefined) {
    response.writeHead(file.status, file.location === undefined ? {} : { location: file.location }).end();
    return;
  }
  const etag = file.etag === undefined ? `"${sha256Of(file.data).slice(0, 16)}"` : file.etag;
  const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
  const partial = file.ranges !== false && from !== undefined && request.headers['if-range'] === etag;
  const start = partial ? Number(from) : 0;
  if (start > file.data.length) {
    response.writeHead(416).end();
    return;
  }
  const body = file.data.subarray(start);
  response.writeHead(partial ? 206 : 200, {
    'content-type': file.type ?? 'application/octet-stream',
    ...(!file.chunked && { 'content-length': body.length }),
    ...(etag !== null && { etag }),
    ...(partial && { 'content-range': `bytes ${start}-${file.data.length - 1}/${file.data.length}` }),
  });
  const { cut } = file;
  const ends = cut !== undefined && cut.times > 0 ? cut.after : body.length;
  if (cut !== undefined) cut.times -= 1;
  for (let at = 0; at < ends; at += 65_536) {
    response.write(body.subarray(at, Math.min(ends, at + 65_536)));
    if (file.slow !== undefined) await sleep(file.slow);
  }
  if (ends < body.length) {
    // What was written must leave before the connection is cut.
    await sleep(50);
    response.destroy();
  } else response.end();
}

/** Puts packages into a registry of Python packages below `/simple`, as JSON or as HTML. */
export function servePackage(
  server: { url: string; files: Map<string, Served> },
  wheel: { package: string; version: string; data: Buffer; sha256?: string },
  format: 'json' | 'html' = 'json',
): void {
  const filename = `${wheel.package.replaceAll('-', '_')}-${wheel.version}-py3-none-any.whl`;
  const sha256 = wheel.sha256 ?? sha256Of(wheel.data);
  server.files.set(`/packages/${filename}`, { data: wheel.data });
  const json = JSON.stringify({
    files: [
      { filename: filename.replace('.whl', '.tar.gz'), url: '/nowhere', hashes: {} },
      { filename, url: `${server.url}/packages/${filename}`, hashes: { sha256 }, size: wheel.data.length },
    ],
  });
  const html = `<!DOCTYPE html><html><body><a href="../../packages/${filename}#sha256=${sha256}" data-requires-python="&gt;=3">${filename}</a><br></body></html>`;
  const [type, data] =
    format === 'json' ? ['application/vnd.pypi.simple.v1+json', json] : ['text/html; charset=utf-8', html];
  server.files.set(`/simple/${wheel.package}/`, { data: Buffer.from(data), type });
}
