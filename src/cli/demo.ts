import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { readEnvironment } from '#config.ts';
import { AppError } from '#domain/errors.ts';
import { type ApiClient, login } from './demo/api-client.ts';
import { runFlows, timed } from './demo/flows.ts';
import { type Live, publishForms, tellReceiver } from './demo/forms.ts';
import { type DemoModels, defaultModel, defaultModelsDir, linkModels, readyModels } from './demo/models.ts';
import { startReceiver } from './demo/receiver-process.ts';
import type { Row } from './demo/report.ts';
import { startServer } from './demo/server-process.ts';
import { configOrExit } from './settings.ts';

export type DemoOptions = {
  keep?: boolean;
  url?: string;
  responses?: string;
  receiver?: string;
  /** true: the default one. */
  model?: string | true;
  modelsDir?: string;
};

/** FORMSTEAD_RESPONSES_PER_MINUTE, of one address to one form. */
const responsesOfAnInstallation = 60;
/** A draft of the smallest model takes about a second. */
const responsesWithModel = 20;

/** Everything at work: keep, understand, deliver, count. Exit code 1 when anything was lost. */
export async function demo(options: DemoOptions): Promise<void> {
  const most = options.responses === undefined ? undefined : Number(options.responses);
  if (most !== undefined && !(Number.isInteger(most) && most > 0))
    throw new AppError('value-refused', { detail: '--responses is a whole number from 1 on.' });
  if (options.url === undefined) {
    if (options.receiver !== undefined)
      throw new AppError('value-refused', { detail: '--receiver goes with --url: the own server has one.' });
    const models = await modelsOf(options);
    const all = models ? responsesWithModel : Number.POSITIVE_INFINITY;
    return onOwnServer(most ?? all, options.keep ?? false, models);
  }
  if (options.model !== undefined)
    throw new AppError('value-refused', {
      detail: '--model is for a server of its own: the one at --url has its own.',
    });
  if (options.keep)
    throw new AppError('value-refused', { detail: '--keep is for a server of its own: the one at --url goes on.' });
  await onInstallation(urlOf('--url', options.url), most ?? responsesOfAnInstallation, options.receiver);
}

async function modelsOf({ model, modelsDir }: DemoOptions): Promise<DemoModels | undefined> {
  if (model === undefined) {
    if (modelsDir !== undefined) throw new AppError('value-refused', { detail: '--models-dir goes with --model.' });
    return undefined;
  }
  return readyModels(model === true ? defaultModel : model, resolve(modelsDir ?? defaultModelsDir()));
}

/** On a data directory that is thrown away, with a SIGKILL in the middle. */
async function onOwnServer(most: number, keep: boolean, models: DemoModels | undefined): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'formstead-demo-'));
  if (models) linkModels(dir, models);
  const admin = { email: 'admin@example.org', password: randomBytes(12).toString('base64url') };
  const env = {
    FORMSTEAD_DATA_DIR: dir,
    FORMSTEAD_PORT: '0',
    FORMSTEAD_ADMIN_EMAIL: admin.email,
    FORMSTEAD_ADMIN_PASSWORD: admin.password,
    // All clients of the demo share one address, and its receiver listens on this machine.
    FORMSTEAD_RATE_LIMIT: 'off',
    FORMSTEAD_WEBHOOK_ALLOW: '127.0.0.0/8',
    ...models?.env,
  };
  const startedAt = performance.now();
  console.log('Starting a server on a fresh data directory …');
  const start = await timed(() => startServer(env));
  let server = start.value;
  const rows: Row[] = [{ what: 'started', result: server.url, seconds: start.seconds }];
  if (models) rows.push({ what: 'models', result: models.line });
  // Its next life must be found at the same address.
  const samePort = { ...env, FORMSTEAD_PORT: new URL(server.url).port };
  const receiver = await startReceiver();
  const signIn = () => login(server.url, admin.email, admin.password);
  try {
    const api = await signIn();
    await tellReceiver(api, receiver);
    const forms: Live[] = [];
    await teach(rows, forms, () => publishForms(api, forms, most));
    const place = {
      url: () => server.url,
      login: signIn,
      disturb: {
        name: 'killed',
        what: 'SIGKILL in the middle, started again',
        async work() {
          await server.kill();
          server = await startServer(samePort);
        },
      },
      receiver,
      hasModel: models !== undefined,
      verify: () => verify(dir),
    };
    if (!(await runFlows(place, forms, rows, startedAt))) process.exitCode = 1;
    if (keep) {
      console.log(`The server goes on at ${server.url} (docs at ${server.url}/docs).`);
      console.log(`  sign in with ${admin.email} / ${admin.password}; data in ${dir}`);
      console.log('  Ctrl-C ends it and removes the data.');
      await new Promise<void>((resolve) => process.once('SIGINT', () => resolve()));
    }
  } finally {
    receiver.stop();
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** On an installation that runs, with the administrator of the settings. The forms stay behind, archived. */
async function onInstallation(url: URL, most: number, receiverAt: string | undefined): Promise<void> {
  const { adminEmail, adminPassword } = configOrExit().config;
  if (adminEmail === undefined || adminPassword === undefined)
    throw new AppError('value-refused', {
      detail:
        'Set FORMSTEAD_ADMIN_EMAIL and FORMSTEAD_ADMIN_PASSWORD (or FORMSTEAD_ADMIN_PASSWORD_FILE) to an administrator of the installation.',
    });
  const startedAt = performance.now();
  const signIn = () => reached(url, login(url.origin, adminEmail, adminPassword));
  const api = await signIn();
  const rows: Row[] = [{ what: 'signed in', result: url.origin, seconds: (performance.now() - startedAt) / 1000 }];
  const receiver = receiverAt === undefined ? undefined : await startReceiver(urlOf('--receiver', receiverAt));
  let endpoint: string | undefined;
  const forms: Live[] = [];
  try {
    if (receiver) endpoint = await reached(url, tellReceiver(api, receiver));
    await teach(rows, forms, () => publishForms(api, forms, most, 'demo'));
    const place = {
      url: () => url.origin,
      login: signIn,
      disturb: undefined,
      receiver,
      hasModel: false,
      verify: undefined,
    };
    if (!(await runFlows(place, forms, rows, startedAt))) process.exitCode = 1;
  } finally {
    receiver?.stop();
    await leave(api, endpoint, forms);
  }
}

async function teach(rows: Row[], forms: Live[], publish: () => Promise<void>): Promise<void> {
  const { seconds } = await timed(publish);
  const learnt = forms.reduce((sum, form) => sum + form.training.length, 0);
  rows.push({ what: 'taught', result: `${forms.length} forms, ${learnt} examples`, seconds });
}

async function leave(api: ApiClient, endpoint: string | undefined, forms: Live[]): Promise<void> {
  if (endpoint !== undefined) await api.remove(`/webhook-endpoints/${endpoint}`);
  for (const { id } of forms) await api.post(`/forms/${id}/archive`, {});
  if (forms.length > 0) console.log(`  The forms of the demo stay, archived: ${forms.map(({ id }) => id).join(', ')}`);
}

/** Errors: `value-refused` in place of what fetch says of a server that it does not reach or trust. */
async function reached<T>(url: URL, work: Promise<T>): Promise<T> {
  return work.catch((err: Error) => {
    const { cause } = err;
    if (!(cause instanceof Error)) throw new AppError('value-refused', { detail: err.message });
    const why = cause.message || (cause as NodeJS.ErrnoException).code;
    const untrusted = /certificate|self.signed/i.test(cause.message);
    const cure = untrusted ? ' Name its authority in a file: NODE_EXTRA_CA_CERTS=deploy/secrets/ca_certificate' : '';
    throw new AppError('value-refused', { detail: `${url.origin} cannot be reached: ${why}.${cure}` });
  });
}

function urlOf(option: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol)) return url;
  throw new AppError('value-refused', { detail: `${option} is an address such as https://forms.example.org.` });
}

async function verify(dataDir: string): Promise<{ ok: boolean; line: string }> {
  const main = fileURLToPath(new URL('./main.js', import.meta.url));
  const env = { PATH: readEnvironment().PATH, FORMSTEAD_DATA_DIR: dataDir };
  const { stdout } = await promisify(execFile)(process.execPath, [main, 'verify', '--json'], { env }).catch(
    (err: { stdout: string }) => err,
  );
  const verdict = JSON.parse(stdout) as { responses: number; chains: number; problems: string[] };
  const ok = verdict.problems.length === 0;
  return {
    ok,
    line: ok ? `${verdict.responses} receipts in ${verdict.chains} chains add up` : verdict.problems.join('; '),
  };
}
