/**
 * E-mail from the 202 of a response to the 250 of an SMTP server: the whole program in this process, the server in one of its own, which takes each message at
 * once. One response at a time first, then a burst; and what naming an address costs the acceptance.
 * Run: node bench/mail.ts [responses of the burst, default 1000] [connections to the SMTP server, default 2]
 */
import { startTestProgram } from '../test/support/program.ts';
import { startSmtpServer } from '../test/support/smtp-server.ts';

const burst = Number(process.argv[2] ?? 1000);
const connections = process.argv[3] ?? '2';
const single = 50;
const atOnce = 20;

const ends: (() => unknown)[] = [];
const smtp = await startSmtpServer({ after: (end) => void ends.push(end as () => unknown) });
const program = await startTestProgram({
  FORMSTEAD_SMTP_URL: `smtp://127.0.0.1:${smtp.port}`,
  FORMSTEAD_MAIL_FROM: 'forms@example.org',
  FORMSTEAD_SMTP_CONNECTIONS: connections,
});
const definition = { elements: [{ type: 'comment', name: 'message' }] };
const message = 'The parcel came a week late and the box was open. '.repeat(10);
const telling = await program.publish({ definition, settings: { notify_emails: ['ada@example.org'] } });
const silent = await program.publish({ definition });

async function taken(count: number): Promise<void> {
  while (smtp.taken.length < count) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** Seconds that so many acceptances take. */
async function accept(form: string, count: number): Promise<number> {
  const from = performance.now();
  let left = count;
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      await program.accepted(form, { message });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return (performance.now() - from) / 1000;
}

const at = (sorted: number[], part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;

await accept(silent, 200);
const waits: number[] = [];
for (let nth = 0; nth < single; nth += 1) {
  await program.accepted(telling, { message });
  const from = performance.now();
  await taken(nth + 1);
  waits.push(performance.now() - from);
}
waits.sort((a, b) => a - b);
console.log(`one at a time: 202 to 250 in ${at(waits, 0.5).toFixed(0)} ms (p95 ${at(waits, 0.95).toFixed(0)} ms)`);
console.log(`a message is ${smtp.taken[0]!.raw.length} bytes`);

const without = await accept(silent, burst);
const from = performance.now();
const accepted = await accept(telling, burst);
await taken(single + burst);
const seconds = (performance.now() - from) / 1000;
console.log(
  `${burst} responses, ${atOnce} at a time: accepted in ${accepted.toFixed(1)} s (${without.toFixed(1)} s by a form that tells nobody)`,
);
console.log(
  `  all ${burst} messages taken after ${seconds.toFixed(1)} s: ${Math.round(burst / seconds)}/s, ${connections} connections`,
);
await program.stop();
for (const end of ends) await end();
