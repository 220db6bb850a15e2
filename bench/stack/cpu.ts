import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Installation } from '../../test/stack/installation.ts';

/** CPU seconds that the containers of these services have used since they started, as the engine counts them. */
export async function cpuSeconds<S extends string>(
  stack: Installation,
  services: readonly S[],
): Promise<Record<S, number>> {
  const socketPath = (stack.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock').replace('unix://', '');
  const used = async (service: S): Promise<[S, number]> => {
    const path = `/containers/${await stack.container(service)}/stats?stream=false&one-shot=true`;
    const body = await new Promise<string>((resolve, reject) => {
      request({ socketPath, path }, (response) => void text(response).then(resolve, reject))
        .on('error', reject)
        .end();
    });
    return [service, JSON.parse(body).cpu_stats.cpu_usage.total_usage / 1e9];
  };
  return Object.fromEntries(await Promise.all(services.map(used))) as Record<S, number>;
}
