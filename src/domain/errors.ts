/**
 * Every error that ends a request, in one table: its HTTP status and its title.
 * The code is the contract (`code` in problem details); the title explains it to a person; `detail` says how to mend this very case.
 */
export const errorTable = {
  'malformed-json': { status: 400, title: 'The body is not valid JSON' },
  'malformed-body': { status: 400, title: 'The body does not have the expected shape' },
  'malformed-query': { status: 400, title: 'The query string does not have the expected shape' },
  'malformed-header': { status: 400, title: 'A header does not have the expected shape' },
  'body-too-deep': { status: 400, title: 'The body is nested too deeply' },
  'bad-cursor': { status: 400, title: 'The cursor is not one that this list gave' },
  unauthenticated: { status: 401, title: 'A valid token is needed' },
  'login-failed': { status: 401, title: 'E-mail or password is wrong' },
  'refresh-refused': { status: 401, title: 'The refresh token is not valid any more' },
  forbidden: { status: 403, title: 'Your role does not allow this' },
  'origin-refused': { status: 403, title: 'The form does not accept responses from this origin' },
  'not-found': { status: 404, title: 'No such resource' },
  'form-not-found': { status: 404, title: 'No such form' },
  'version-not-found': { status: 404, title: 'No such version of the form' },
  'response-not-found': { status: 404, title: 'No such response' },
  'task-not-found': { status: 404, title: 'No such task' },
  'method-not-allowed': { status: 405, title: 'The resource does not have this method' },
  conflict: { status: 409, title: 'The resource is not in a state that allows this' },
  'form-closed': { status: 409, title: 'The form is closed' },
  'form-not-published': { status: 404, title: 'The form has not been published yet' },
  'already-exists': { status: 409, title: 'Something with this name exists already' },
  'form-archived': { status: 410, title: 'The form is archived' },
  gone: { status: 410, title: 'The resource has been removed' },
  'revision-mismatch': { status: 412, title: 'The resource is not the one that was read' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'The content type is not supported' },
  'range-not-satisfiable': { status: 416, title: 'The range lies outside the file' },
  'answers-invalid': { status: 422, title: 'The answers do not fit the form' },
  'definition-invalid': { status: 422, title: 'The form definition has parts that are wrong or not supported' },
  'honeypot-filled': { status: 422, title: 'A field that people do not see was filled in' },
  'idempotency-key-reused': { status: 422, title: 'The idempotency key was used for another body' },
  'webhook-url-refused': { status: 422, title: 'The webhook URL may not be used' },
  'value-refused': { status: 422, title: 'A value is well-formed but not acceptable' },
  'rate-limited': { status: 429, title: 'Too many requests' },
  'login-throttled': { status: 429, title: 'Too many failed logins' },
  'too-many-streams': { status: 429, title: 'Too many event streams are open' },
  internal: { status: 500, title: 'Something went wrong on our side' },
  'storage-unavailable': { status: 503, title: 'The answer cannot be kept right now' },
  'disk-nearly-full': { status: 503, title: 'The disk is nearly full' },
  'shutting-down': { status: 503, title: 'The server is shutting down' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof errorTable;

/** One wrong place in a body: an RFC 6901 pointer, a stable code, and a sentence that says how to mend it. */
export type Issue = { pointer: string; code: string; detail: string };

export type ErrorDetails = { detail?: string; issues?: Issue[]; retryAfterSeconds?: number; cause?: unknown };

/** An error that ends a request (or a task). Nobody reads its message to decide: they read `code`. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly detail: string | undefined;
  readonly issues: Issue[] | undefined;
  /** Whole seconds the client should wait, sent as `Retry-After`. */
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    super(details.detail ? `${code}: ${details.detail}` : code, { cause: details.cause });
    this.name = 'AppError';
    this.code = code;
    this.detail = details.detail;
    this.issues = details.issues;
    this.retryAfterSeconds = details.retryAfterSeconds;
  }

  get status(): number {
    return errorTable[this.code].status;
  }
}
