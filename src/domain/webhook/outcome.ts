/**
 * What came of one attempt to deliver a webhook.
 *
 * Terminology
 * - **delivery**: one event on its way to one endpoint; it has a schedule and ends delivered or dead.
 * - **attempt**: one HTTP request of a delivery; numbered from 1.
 */
export type SendOutcome = Answered | NotAnswered;

/** The receiver answered with a status line and, within the limits, an answer. */
export type Answered = {
  kind: 'http-status';
  /** 200…599. */
  status: number;
  /** The `Retry-After` header as it came; only set on answers that are not 2xx. */
  retryAfter?: string;
  /** The first 1 kB of the answer as text; control characters other than tab and line ends are replaced by U+FFFD. */
  answer: string;
  /** True when the answer was longer than the transport reads; the rest was never fetched. */
  answerCut: boolean;
  /** From the name lookup to the last byte read. */
  durationMs: number;
};

export type NotAnswered = {
  kind: FailureKind;
  /** A code or a short phrase for a person, at most 200 characters; nobody decides by it. */
  detail: string;
  durationMs: number;
};

/**
 * - `dns`: the name has no address or the resolver failed
 * - `refused-by-guard`: an address, or the URL itself, may not be used; nothing was sent
 * - `connect`: no connection, or it broke off before the answer was whole
 * - `tls`: the handshake or the certificate failed; nothing was sent
 * - `timeout`: the time limit passed before the last byte of the answer
 * - `protocol`: what came back is not HTTP
 * - `cancelled`: we stopped it ourselves (shutdown, erasure); says nothing about the receiver
 */
export type FailureKind = 'dns' | 'refused-by-guard' | 'connect' | 'tls' | 'timeout' | 'protocol' | 'cancelled';

/** Only 200…299 is success (Standard Webhooks 1.0.0): a redirect is a failure and is not followed. */
export function isDelivered(outcome: SendOutcome): boolean {
  return outcome.kind === 'http-status' && outcome.status >= 200 && outcome.status <= 299;
}

/** What the attempt tells the endpoint's circuit breaker; undefined when it says nothing about the receiver. */
export function breakerEventOf(outcome: SendOutcome): 'success' | 'failure' | undefined {
  if (outcome.kind === 'cancelled') return undefined;
  return isDelivered(outcome) ? 'success' : 'failure';
}
