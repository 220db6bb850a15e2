import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Installation, install } from '../../test/stack/installation.ts';
import contact from '../contact-form.json' with { type: 'json' };
import { patienceMs } from './database.ts';
import type { Target } from './load.ts';
import { openForLoad } from './nginx.ts';

export type Stack = Installation & {
  target: Target;
  /** The path to which responses to the form are posted. */
  path: string;
  /** Runs a module of this folder in the container of a service, with that on its standard input; resolves to what it printed. */
  run(service: string, module: string, input: string): Promise<string>;
  remove(): Promise<void>;
};

const bench = join(import.meta.dirname, '..');

/** The stack as it is deployed, its limits of one address raised, the bare parts beside it, and a published form. */
export async function openStack(tell: (what: string) => void): Promise<Stack> {
  const stack = await install({
    project: 'formstead-bench',
    subnet: '10.30.83.0/28',
    tell,
    overrides: [join(bench, 'stack/compose.yml')],
    settings: [
      // The counting in Redis stays; only where it refuses is moved.
      'FORMSTEAD_RESPONSES_PER_MINUTE=1000000',
      'FORMSTEAD_REQUESTS_PER_MINUTE=1000000',
      `FORMSTEAD_MONGODB_TIMEOUT=${patienceMs / 1000}s`,
    ],
    prepare(place) {
      openForLoad(join(place, 'deploy/nginx/nginx.conf'));
      cpSync(bench, join(place, 'bench'), { recursive: true });
    },
  });
  try {
    const [nginx] = JSON.parse(await stack.docker('inspect', await stack.container('nginx')));
    const token = await stack.token();
    const { definition, intelligence } = contact;
    const form = await stack.ask('POST', '/api/v1/forms', {
      body: { title: 'Bench', definition, intelligence },
      token,
    });
    await stack.ask('POST', `/api/v1/forms/${form.body.id}/publish`, { body: {}, token });
    const bare = await stack.container('bare');
    return {
      ...stack,
      target: {
        // Not through the published port: on loopback a proxy of Docker's own copies every byte, which no visitor from beyond meets.
        address: nginx.NetworkSettings.Networks[stack.network('edge')].IPAddress,
        host: 'forms.example.org',
        ca: readFileSync(join(stack.secretsDir, 'ca_certificate')),
      },
      path: `/api/v1/forms/${form.body.id}/responses`,
      async run(service, module, input) {
        const container = service === 'bare' ? bare : await stack.container(service);
        const child = spawn('docker', ['exec', '-i', container, 'node', `/app/bench/stack/${module}`], {
          env: stack.env,
          stdio: ['pipe', 'pipe', 'inherit'],
        });
        child.stdin.end(input);
        let text = '';
        child.stdout.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        const [code] = await once(child, 'close');
        if (code !== 0) throw new Error(`${module} ended with ${code}`);
        return text;
      },
    };
  } catch (err) {
    await stack.remove();
    throw err;
  }
}
