export type Finding = { level: 'ok' | 'warning' | 'fault'; what: string; cure?: string };

export function deadLetters(count: number): Finding[] {
  if (count === 0) return [];
  const what = `${count} dead letters wait for a decision`;
  return [{ level: 'warning', what, cure: 'GET /api/v1/dead-letters, then requeue or drop them.' }];
}
