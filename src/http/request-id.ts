import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const wellFormed = /^[A-Za-z0-9._-]{1,64}$/;

/** Fresh ids are 64 random bits of this process and a count: unique everywhere, and cheaper than fresh randomness for each. */
export function freshRequestIds(): () => string {
  const prefix = randomBytes(8).toString('hex');
  let count = 0;
  return () => {
    count += 1;
    return `${prefix}-${count.toString(36)}`;
  };
}

/** The id of a request: the one that a trusted proxy sends, if it is well-formed, else a fresh one. */
export function requestIds(deps: {
  trusts: (address: string) => boolean;
  fresh: () => string;
}): (request: IncomingMessage) => string {
  return (request) => {
    const sent = request.headers['x-request-id'];
    const taken = typeof sent === 'string' && wellFormed.test(sent) && deps.trusts(request.socket.remoteAddress ?? '');
    return taken ? sent : deps.fresh();
  };
}
