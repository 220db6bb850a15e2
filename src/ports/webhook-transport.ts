/**
 * Webhook transport: makes one HTTP request to a URL that somebody else chose, and says what came of it.
 * It guards the inside of the house: it connects only to addresses it has checked, follows no redirect, and reads little of the answer.
 */
import type { SendOutcome } from '#domain/webhook/outcome.ts';

export type { SendOutcome } from '#domain/webhook/outcome.ts';

export type WebhookRequest = {
  url: string;
  /** Sent besides content type, length and user agent. */
  headers: Readonly<Record<string, string>>;
  /** Sent byte for byte as given (a string as UTF-8). */
  body: string | Uint8Array;
  /** From the name lookup to the last byte of the answer; 15 s when left out. */
  timeoutMs?: number;
  /** Stops the request; its outcome is then `cancelled`, though the receiver may have got it. */
  signal?: AbortSignal;
};

/**
 * - `malformed`, `too-long` (> 2048 characters), `scheme` (neither https nor http), `userinfo`, `fragment`, `port` (0)
 * - `address`: the host is, or resolves to, an address inside the house
 * - `plain-http`: without TLS only networks that the operator has listed can be reached
 */
export type UrlRefusal =
  | 'malformed'
  | 'too-long'
  | 'scheme'
  | 'userinfo'
  | 'fragment'
  | 'port'
  | 'address'
  | 'plain-http';

export type UrlCheck =
  /** `url` is the normal spelling, the one to keep. */
  | { ok: true; url: string }
  | { ok: false; refused: UrlRefusal /** For the person who gave the URL. */; detail: string };

export interface WebhookTransport {
  /** Sends a POST. Whatever the remote does becomes an outcome; rejects only for headers that HTTP cannot carry. */
  send(request: WebhookRequest): Promise<SendOutcome>;

  /**
   * For early advice when an endpoint is created or changed; `send` checks again. A name that does not resolve within 2 s passes:
   * it may do so later.
   */
  checkUrl(url: string): Promise<UrlCheck>;
}
