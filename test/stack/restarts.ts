import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../support/program.ts';
import type { Installation } from './installation.ts';

/* What is killed, stopped, moved and started again. Registered last: the others find the stack as it was brought up. */

// biome-ignore lint/suspicious/noExplicitAny: what Docker says of a container, of which each test looks at a part.
export function restarts(stack: () => Installation, inspect: (service: string) => Promise<any>): void {
  const healthy = async (service: string) => (await inspect(service)).State.Health.Status === 'healthy';

  test('what is killed is started again, and nginx finds an API that came back', async () => {
    for (const name of ['api', 'worker-default', 'redis', 'nginx']) {
      const { State, RestartCount } = await inspect(name);
      process.kill(State.Pid, 'SIGKILL');
      const from = performance.now();
      await eventually(async () => (await inspect(name)).RestartCount > RestartCount, 60_000);
      // Docker asks every 10 to 15 s only.
      if (name === 'api' || name === 'nginx') {
        const serves = () =>
          stack()
            .ask('GET', '/health/ready')
            .then(
              ({ status }) => status === 200,
              () => false,
            );
        await eventually(serves, 60_000);
        console.log(`${name} serves again ${((performance.now() - from) / 1000).toFixed(1)} s after its end`);
      }
      await eventually(() => healthy(name), 60_000);
      console.log(`${name} healthy again ${((performance.now() - from) / 1000).toFixed(1)} s after its end`);
    }
  });

  test('an API in another place is found within ten seconds', async () => {
    await stack().compose('up', '--detach', '--no-deps', '--force-recreate', '--wait', 'api');
    await eventually(async () => (await stack().ask('GET', '/health')).status === 200, 10_000);
  });

  test('while the API is away nginx says so, and when to come back; a form that was shown is shown', async () => {
    const shown = () => stack().ask('GET', '/api/v1/forms/contact/public');
    const before = await shown();
    assert.equal(before.status, 200);
    await stack().compose('stop', 'api');
    const { status, headers, body } = await stack().ask('GET', '/health');
    assert.deepEqual([status, headers['retry-after'], body.code], [503, '5', 'shutting-down']);
    const meanwhile = await shown();
    assert.deepEqual([meanwhile.status, meanwhile.body], [200, before.body]);
    assert.notEqual(meanwhile.headers['x-request-id'], before.headers['x-request-id']);
    await stack().compose('start', 'api');
    await eventually(async () => (await stack().ask('GET', '/health')).status === 200, 30_000);
  });

  test('a setup that is run again changes nothing, and a second start finds everything prepared', async () => {
    await stack().compose('up', '--detach', '--wait');
    const said = await stack().compose('logs', '--no-log-prefix', '--no-color', 'mongodb-setup');
    assert.match(said, /replica set rs0 made/);
    assert.match(said, /user formstead is there, password and rights set/);
  });

  test('what was kept is there after everything was stopped and started', async () => {
    await stack().compose('stop');
    await stack().compose('up', '--detach', '--wait');
    const token = await eventually(
      async () =>
        (await stack()
          .token()
          .catch(() => undefined)) || undefined,
      30_000,
    );
    assert.equal(await answersOf(stack(), token), 1);
  });
}

async function answersOf({ ask }: Installation, token: string): Promise<number> {
  const { body } = await ask('GET', '/api/v1/forms', { token });
  const { id } = body.items.find(({ slug }: { slug: string }) => slug === 'contact');
  return (await ask('GET', `/api/v1/forms/${id}/responses`, { token })).body.items.length;
}
