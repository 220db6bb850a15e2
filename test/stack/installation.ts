import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../support/free-port.ts';
import { type Docker, openDocker } from './docker.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const host = 'forms.example.org';
const administrator = 'admin@example.org';

export type Reply = {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  // biome-ignore lint/suspicious/noExplicitAny: a body is looked into, and a wrong guess fails the test.
  body: any;
};

export type Installation = Docker & {
  compose(...args: string[]): Promise<string>;
  /** The id of the container of a service. */
  container(service: string): Promise<string>;
  /** Runs a command in it. */
  inside(service: string, ...command: string[]): Promise<string>;
  /** A request through nginx, its certificate checked. */
  ask(
    method: string,
    path: string,
    options?: { body?: unknown; token?: string; headers?: Record<string, string> },
  ): Promise<Reply>;
  token(): Promise<string>;
  /** Where the files of the guide are. */
  place: string;
  project: string;
  secretsDir: string;
  httpPort: number;
  httpsPort: number;
  /** The network of that name. */
  network(name: string): string;
  /** The volume of that name. */
  volume(name: string): string;
  image: string;
};

/**
 * Installs the stack as docs/guides/deployment.md says, from the very files, on images that stand in for those of a registry; `remove` takes everything away
 * again but the images. `project` and `subnet` (a /28 for nginx and the API) are its own among the stacks of this machine.
 */
export async function install({
  project,
  subnet,
  tell,
  overrides = [],
  settings = [],
  prepare = () => {},
}: {
  project: string;
  subnet: string;
  tell: (what: string) => void;
  /** Compose files of the test, over those of every test. */
  overrides?: string[];
  /** Lines of its `.env` beyond those that it needs. */
  settings?: string[];
  /** May change the files in the directory of the installation before anything starts. */
  prepare?: (place: string) => void;
}): Promise<Installation & { remove(): Promise<void> }> {
  const docker = await openDocker();
  const place = mkdtempSync(join(tmpdir(), 'formstead-stack-'));
  const [httpPort, httpsPort] = [await freePort(), await freePort()];
  const tag = project;
  const composeFiles = ['docker-compose.yml', join(root, 'test/stack/compose.override.yml'), ...overrides];
  const files = composeFiles.flatMap((file) => ['--file', file]);
  const compose = async (...args: string[]) =>
    (
      await run('docker', ['compose', '--project-name', project, ...files, ...args], { cwd: place, env: docker.env })
    ).stdout.trim();
  const remove = async () => {
    await docker.docker('rm', '--force', '--volumes', `${project}-receiver`).catch(() => {});
    await compose('down', '--volumes', '--timeout', '5').catch((err: unknown) => tell(String(err)));
    await docker.end();
    rmSync(place, { recursive: true, force: true });
  };
  try {
    tell('stand-in images');
    await run(join(root, 'test/stack/stand-ins/build'), [], { env: docker.env });
    tell('the image');
    await docker.docker('build', '--quiet', '--tag', `formstead:${tag}`, '--build-arg', `VERSION=${tag}`, root);
    cpSync(join(root, 'deploy'), join(place, 'deploy'), {
      recursive: true,
      filter: (path) => !path.endsWith('/secrets'),
    });
    cpSync(join(root, 'docker-compose.yml'), join(place, 'docker-compose.yml'));
    writeFileSync(
      join(place, '.env'),
      [
        `VERSION=${tag}`,
        `FORMSTEAD_ADMIN_EMAIL=${administrator}`,
        `HTTP_PORT=127.0.0.1:${httpPort}`,
        `HTTPS_PORT=127.0.0.1:${httpsPort}`,
        `FRONTEND_SUBNET=${subnet}`,
        // The receiver of the test is a container, or listens where containers reach this machine.
        'FORMSTEAD_WEBHOOK_ALLOW=172.16.0.0/12,192.168.0.0/16',
        ...settings,
        '',
      ].join('\n'),
    );
    await run(join(place, 'deploy/setup'), [host]);
    prepare(place);
    tell('the stack');
    await compose('up', '--detach', '--wait', '--wait-timeout', '180').catch(async (err: unknown) => {
      const logs = await compose('logs', '--no-color', '--tail', '30').catch(String);
      throw new Error(`${err}\n${logs}`);
    });
  } catch (err) {
    await remove();
    throw err;
  }
  const secretsDir = join(place, 'deploy/secrets');
  const ca = readFileSync(join(secretsDir, 'ca_certificate'));
  const container = (service: string) => compose('ps', '--all', '--quiet', service);

  const ask: Installation['ask'] = (method, path, { body, token, headers = {} } = {}) =>
    new Promise((resolve, reject) => {
      const sent = request(
        {
          ...{ host: '127.0.0.1', port: httpsPort, servername: host, ca, method, path, agent: false },
          headers: {
            host,
            ...(body !== undefined && { 'content-type': 'application/json' }),
            ...(token !== undefined && { authorization: `Bearer ${token}` }),
            ...headers,
          },
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (part: string) => {
            text += part;
          });
          response.on('end', () => {
            const json = String(response.headers['content-type']).includes('json');
            resolve({ status: response.statusCode!, headers: response.headers, body: json ? JSON.parse(text) : text });
          });
        },
      );
      sent.on('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });

  return {
    ...docker,
    compose,
    container,
    inside: async (service, ...command) => docker.docker('exec', await container(service), ...command),
    ask,
    async token() {
      const password = readFileSync(join(secretsDir, 'admin_password'), 'utf8');
      const { body } = await ask('POST', '/api/v1/auth/login', { body: { email: administrator, password } });
      return body.access_token;
    },
    place,
    project,
    secretsDir,
    httpPort,
    httpsPort,
    network: (name) => `${project}_${name}`,
    volume: (name) => `${project}_${name}`,
    image: `formstead:${tag}`,
    remove,
  };
}
