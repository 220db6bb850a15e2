import { examineStack } from '#compose.ts';
import type { Config } from '#config.ts';
import { deadLetters, type Finding } from './finding.ts';

/** Whether MongoDB and Redis are there, and such as the stack needs them. */
export async function stackFindings(config: Config): Promise<Finding[]> {
  const { mongodb, redis } = await examineStack(config);
  return [...mongodbFindings(mongodb), redisFinding(redis)];
}

type Seen = Awaited<ReturnType<typeof examineStack>>;

function mongodbFindings(seen: Seen['mongodb']): Finding[] {
  if ('away' in seen) {
    const cure = 'Nothing can be kept or read. See whether the server runs, and check MONGODB_URL and MONGODB_CA_FILE.';
    return [{ level: 'fault', what: `MongoDB does not answer: ${seen.away}`, cure }];
  }
  const where = seen.replicaSet === undefined ? 'no member of a replica set' : `replica set ${seen.replicaSet}`;
  return [
    { level: 'ok', what: `MongoDB answers, ${where}` },
    ...seen.problems.map((what): Finding => ({ level: 'fault', what })),
    ...deadLetters(seen.deadTasks),
  ];
}

function redisFinding(seen: Seen['redis']): Finding {
  if ('away' in seen) {
    const cure =
      'Responses are kept, and their work waits. See whether it runs, and check REDIS_URL and REDIS_CA_FILE.';
    return { level: 'fault', what: `Redis does not answer: ${seen.away}`, cure };
  }
  if (seen.policy === 'noeviction') return { level: 'ok', what: 'Redis answers, and drops nothing by itself' };
  return {
    level: 'warning',
    what: `Redis answers, and drops entries when its memory is full (maxmemory-policy ${seen.policy})`,
    cure: 'Set maxmemory-policy noeviction: a queue that loses entries is filled anew again and again.',
  };
}
