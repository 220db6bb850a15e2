import { writeSync } from 'node:fs';
import { SMTPServer } from 'smtp-server';

/**
 * An SMTP server in a process of its own, for tests that send real messages to it. Its settings come as JSON in the first argument; it tells on standard output, a JSON line
 * each, its port and what it has taken. What it does with a message is decided by the recipient's local part:
 *
 * `refuse` 550 to the recipient · `later` 451 to the recipient · `grey` 451 once, then takes it · `spam` 554 to the message · `full` 452 to the message
 * `slow` is taken, and answered 500 ms later · `hang` never answers the message · `die` is gone in the middle of the message · `close` 421 to the message · anything else is taken
 */
export type SmtpSettings = {
  port?: number;
  secure?: boolean;
  tls?: { key: string; cert: string };
  login?: { user: string; password: string };
  /** Never greets. */
  mute?: boolean;
  /** 553 to the sender. */
  refusesSender?: boolean;
  /** Closes a connection that is idle for so many milliseconds. */
  idleMs?: number;
};

export type SmtpNews =
  | { port: number }
  /** Taken, with a 250. `raw` is the message as it came; `tls` and `user` are of its session, which is one connection. */
  | { to: string; from: string; raw: string; tls: boolean; user: string | undefined; session: string }
  | { refused: string };

const settings: SmtpSettings = JSON.parse(process.argv[2]!);
/** At once: a process that kills itself must have said before what it saw. */
const tell = (news: SmtpNews) => writeSync(1, `${JSON.stringify(news)}\n`);
/** What is done once the test has heard of a message, one after the other: whoever has its 250 finds it among those that were taken. */
const heard: (() => void)[] = [];
const replying = (status: number, text: string) => Object.assign(new Error(text), { responseCode: status });
const seen = new Set<string>();
const nameOf = (address: string) => address.split('@')[0]!;

const recipientReplies: Record<string, [number, string]> = {
  refuse: [550, '5.1.1 no such mailbox'],
  later: [451, '4.7.1 try again later'],
};
const messageReplies: Record<string, [number, string]> = {
  spam: [554, '5.7.1 this looks like spam'],
  full: [452, '4.2.2 mailbox full'],
  close: [421, '4.3.2 closing'],
};

const server = new SMTPServer({
  secure: settings.secure === true,
  ...settings.tls,
  ...(settings.tls === undefined && { hideSTARTTLS: true }),
  authOptional: settings.login === undefined,
  ...(settings.login === undefined && { disabledCommands: ['AUTH'] }),
  allowInsecureAuth: settings.tls === undefined,
  logger: false,
  closeTimeout: 100,
  ...(settings.idleMs !== undefined && { socketTimeout: settings.idleMs }),
  onMailFrom(_address, _session, done) {
    return settings.refusesSender ? done(replying(553, '5.7.1 sender not allowed')) : done();
  },
  onAuth(auth, _session, done) {
    const right = auth.username === settings.login?.user && auth.password === settings.login?.password;
    return right ? done(null, { user: auth.username }) : done(replying(535, '5.7.8 wrong user or password'));
  },
  onRcptTo({ address }, _session, done) {
    const reply = recipientReplies[nameOf(address)];
    if (reply) {
      tell({ refused: address });
      return done(replying(...reply));
    }
    if (nameOf(address) === 'grey' && !seen.has(address)) {
      seen.add(address);
      tell({ refused: address });
      return done(replying(451, '4.7.1 greylisted'));
    }
    return done();
  },
  onData(stream, session, done) {
    const to = session.envelope.rcptTo[0]!.address;
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => {
      if (nameOf(to) === 'die') {
        tell({ refused: to });
        process.kill(process.pid, 'SIGKILL');
      }
      chunks.push(chunk);
    });
    stream.on('end', () => {
      if (nameOf(to) === 'hang') return tell({ refused: to });
      const reply = messageReplies[nameOf(to)];
      if (reply) {
        tell({ refused: to });
        return done(replying(...reply));
      }
      const { envelope, user, secure } = session;
      const from = envelope.mailFrom ? envelope.mailFrom.address : '';
      heard.push(() => (nameOf(to) === 'slow' ? setTimeout(done, 500) : done()));
      tell({ to, from, raw: Buffer.concat(chunks).toString('utf8'), tls: secure, user, session: session.id });
    });
  },
});
server.on('error', () => {});
if (settings.mute) {
  const { createServer } = await import('node:net');
  const mute = createServer();
  mute.listen(settings.port ?? 0, '127.0.0.1', () => tell({ port: (mute.address() as { port: number }).port }));
} else {
  const listening = server.listen(settings.port ?? 0, '127.0.0.1', () =>
    tell({ port: (listening.address() as { port: number }).port }),
  );
}
// The parent is gone when its end of the pipe is.
process.stdin.on('end', () => process.exit(0));
process.stdin.on('data', (dots: Buffer) => {
  for (const _ of dots) heard.shift()?.();
});
