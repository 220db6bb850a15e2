import type { Answer } from './clients.ts';
import type { Fault } from './faults.ts';
import type { Finding } from './health.ts';

/** By then a client has its 503. */
const refusalMs = 2000;

/** What was answered otherwise than the fault allows. `all`: before and after it too. */
export function judgeAnswers(
  { meanwhile, lastsMs }: Pick<Fault, 'meanwhile' | 'lastsMs'>,
  { during, all, health }: { during: Answer[]; all: Answer[]; health: Finding[] },
): string[] {
  const complaints: string[] = [];
  const complain = (answers: Answer[], what: string) => {
    if (answers.length > 0) complaints.push(`${answers.length} ${what}, such as ${describe(answers[0]!)}`);
  };
  const broken = all.filter(({ status }) => status === 0);
  if (meanwhile !== 'gone') complain(broken, 'requests got no answer');
  complain(
    all.filter(({ status }) => ![0, 202, 503].includes(status)),
    'answers are neither 202 nor 503',
  );
  const refused = during.filter(({ status }) => status === 503);
  complain(
    all.filter(({ status, retryAfter }) => status === 503 && !/^[1-9]\d*$/.test(retryAfter ?? '')),
    'refusals do not say when to come back',
  );
  if (meanwhile !== 'gone' && during.length === 0) complaints.push('nothing was answered meanwhile');
  if (meanwhile === 'accepted') complain(refused, 'responses were refused meanwhile');
  if (meanwhile === 'refused') {
    complain(
      during.filter(({ ms }) => ms > refusalMs),
      `answers took longer than ${refusalMs} ms`,
    );
    // What is back within a second may have kept everybody waiting and refused nobody.
    if (lastsMs === undefined) return complaints;
    if (refused.length === 0) complaints.push('nothing was refused meanwhile');
    if (!health.some(({ status, failing }) => status === 503 && failing.includes('storage')))
      complaints.push('the health did not say that it is the store');
  }
  return complaints;
}

const describe = ({ status, ms, code, retryAfter }: Answer) =>
  `${status} ${code ?? ''} after ${Math.round(ms)} ms, Retry-After ${retryAfter}`;
