import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { SendOutcome } from '#domain/webhook/outcome.ts';
import { readAnswer } from './answer.ts';
import { codeOf, type ResolvedAddress } from './target.ts';

const inHandshake = 'in the TLS handshake';

/** How far an exchange has come, as the end of a sentence. */
export type Phase =
  | 'while looking up the name'
  | 'while connecting'
  | typeof inHandshake
  | 'while waiting for the answer'
  | 'while reading the answer';

/** An outcome before the clock is read. */
export type Result = SendOutcome extends infer Outcome
  ? Outcome extends unknown
    ? Omit<Outcome, 'durationMs'>
    : never
  : never;

export type Exchange = {
  url: URL;
  /** Checked addresses; the name is not looked up again, so a DNS answer that changes its mind changes nothing. */
  addresses: ResolvedAddress[];
  headers: Record<string, string>;
  body: string | Uint8Array;
  /** Ends the exchange at once, with the outcome `stopped` names. */
  signal: AbortSignal;
  stopped: (phase: Phase) => Result;
  maxAnswerBytes: number;
  keepBytes: number;
};

/** One POST and its answer. Resolves with whatever happens; rejects only when the request cannot be put into HTTP. */
export function exchange(input: Exchange): Promise<Result> {
  const { url, signal } = input;
  const secure = url.protocol === 'https:';
  return new Promise((resolve) => {
    let phase: Phase = 'while connecting';
    const options = {
      method: 'POST',
      headers: input.headers,
      lookup: onlyThese(input.addresses),
      signal,
      // An agent, connection and TLS session of its own for each request: a kept one would outlive the check of its address and
      // certificate. Such an agent reads no HTTP_PROXY either, which would connect elsewhere than to the checked address.
      agent: false,
      // Said explicitly, so that NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment changes nothing.
      rejectUnauthorized: true,
    };
    const request = secure ? httpsRequest(url, options) : httpRequest(url, options);

    const settle = (result: Result) => {
      resolve(signal.aborted ? input.stopped(phase) : result);
      request.destroy();
    };
    request.on('socket', (socket) => {
      socket.once('connect', () => {
        phase = secure ? inHandshake : 'while waiting for the answer';
      });
      socket.once('secureConnect', () => {
        phase = 'while waiting for the answer';
      });
    });
    request.on('response', (response: IncomingMessage) => {
      phase = 'while reading the answer';
      void readAnswer(response, input).then(settle);
    });
    request.on('error', (error) => {
      // An error after the head of the answer also reaches the answer's reader, which may still find the answer whole.
      if (phase !== 'while reading the answer')
        settle({ kind: failureKind(error, phase), detail: `${codeOf(error)} ${phase}` });
    });
    // A connection that ends without answer or error: a receiver that answers 101, for one.
    request.on('close', () => {
      if (phase !== 'while reading the answer') settle({ kind: 'connect', detail: `closed ${phase}` });
    });
    request.end(input.body);
  });
}

function failureKind(error: Error, phase: Phase): 'tls' | 'protocol' | 'connect' {
  const code = codeOf(error);
  // In TLS 1.3 the receiver's complaint (it wants a client certificate) arrives when the handshake looks finished from here.
  if (phase === inHandshake || code.startsWith('ERR_SSL_')) return 'tls';
  // Node's HTTP parser names its errors HPE_…
  return code.startsWith('HPE_') ? 'protocol' : 'connect';
}

function onlyThese(addresses: ResolvedAddress[]): LookupFunction {
  return (_hostname, options, callback) => {
    const first = addresses[0];
    if (options.all) callback(null, addresses);
    else if (first) callback(null, first.address, first.family);
    else callback(new Error('no address'), '');
  };
}
