import { lookAtCertificates } from '#compose.ts';
import type { Config } from '#config.ts';
import type { Finding } from './finding.ts';

const dayMs = 86_400_000;
/** Time enough to renew one by day. */
const soonMs = 30 * dayMs;

/** Of each certificate that the configuration names, until when it is good. */
export async function certificateFindings(config: Config, now: number): Promise<Finding[]> {
  const found = await lookAtCertificates(config);
  return found.map((one) => {
    if ('mistake' in one) {
      const { name, problem, cure } = one.mistake;
      return { level: 'fault', what: `${name}: ${problem}`, cure };
    }
    const { name, path, endsAt } = one;
    const day = new Date(endsAt).toISOString().slice(0, 10);
    if (endsAt - now > soonMs) return { level: 'ok', what: `${name}: good until ${day}` };
    const ends = endsAt > now ? `ends on ${day}, in ${Math.floor((endsAt - now) / dayMs)} days` : `has ended on ${day}`;
    const cure = 'Put a new one in its place; docs/guides/deployment.md says how.';
    return { level: 'warning', what: `${name}: a certificate in ${path} ${ends}`, cure };
  });
}
