import type { Round } from './round.ts';

const seconds = (ms: number | undefined) => (ms === undefined ? 'never' : (ms / 1000).toFixed(1));

function cells({
  fault,
  acknowledged,
  during,
  firstAcceptedMs,
  firstWebhookMs,
  resumedMs,
  lost,
  twice,
  open,
  complaints,
}: Round): string[] {
  const count = (status: number) => during.filter((answer) => answer.status === status).length;
  const [accepted, refused] = [count(202), count(503)];
  return [
    `${fault.name}${fault.standIn ? ' *' : ''}`,
    String(acknowledged),
    `${accepted} / ${refused} / ${during.length - accepted - refused}`,
    seconds(Math.max(0, ...during.map(({ ms }) => ms))),
    seconds(firstAcceptedMs),
    seconds(firstWebhookMs),
    seconds(resumedMs),
    String(lost ?? '?'),
    String(twice ?? '?'),
    String(open ?? '?'),
    complaints.length === 0 ? 'yes' : 'NO',
  ];
}

const heads = [
  'fault',
  'acknowledged',
  'meanwhile 202 / 503 / other',
  'slowest, s',
  'first 202, s',
  'first webhook, s',
  'work resumed, s',
  'lost',
  'twice',
  'open',
  'good',
];

/** As Markdown, for the page of results. `*`: rests on the stand-in. */
export const table = {
  line: (round: Round) => cells(round).slice(1).join('  '),
  of: (rounds: Round[]) =>
    [heads, heads.map(() => '---'), ...rounds.map(cells)].map((row) => `| ${row.join(' | ')} |`).join('\n'),
};
