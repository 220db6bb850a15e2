/**
 * Every error that ends a request, in one table: its HTTP status, its title, and what to do about it.
 * The code is the contract (`code` in problem details); the title explains it to a person; `detail` says how to mend it where nothing better is known of
 * the case at hand.
 */
export const errorTable = {
  'malformed-http': {
    status: 400,
    title: 'This is not a valid HTTP request',
    detail: 'Send HTTP/1.1 as RFC 9112 has it, with one Host header.',
  },
  'malformed-json': {
    status: 400,
    title: 'The body is not valid JSON',
    detail: 'Send JSON as RFC 8259 has it, in UTF-8.',
  },
  'malformed-body': {
    status: 400,
    title: 'The body does not have the expected shape',
    detail: 'Send a body of the shape that /docs shows; errors names the wrong places where there are any.',
  },
  'malformed-query': {
    status: 400,
    title: 'The query string does not have the expected shape',
    detail: 'See errors for the parameters; /docs shows what the route takes.',
  },
  'malformed-header': {
    status: 400,
    title: 'A header does not have the expected shape',
    detail: 'See errors for the headers; /docs shows what the route takes.',
  },
  'body-too-deep': {
    status: 400,
    title: 'The body is nested too deeply',
    detail: 'Nest arrays and objects less deeply.',
  },
  'bad-cursor': {
    status: 400,
    title: 'The cursor is not one that this list gave',
    detail: 'Take next_cursor of a page of this very list, or leave the cursor out.',
  },
  unauthenticated: {
    status: 401,
    title: 'A valid token is needed',
    detail: 'Send Authorization: Bearer <token>, with an access token (POST /api/v1/auth/login) or an API token.',
  },
  'login-failed': {
    status: 401,
    title: 'E-mail or password is wrong',
    detail: 'Check the e-mail address and the password; which of them is wrong is not told.',
  },
  'refresh-refused': {
    status: 401,
    title: 'The refresh token is not valid any more',
    detail: 'Sign in again: POST /api/v1/auth/login.',
  },
  forbidden: {
    status: 403,
    title: 'Your role does not allow this',
    detail: 'Use a token whose role or scopes allow this; an administrator can give them.',
  },
  'origin-refused': {
    status: 403,
    title: 'The form does not accept responses from this origin',
    detail: "Add the page's origin to the form's settings.allowed_origins.",
  },
  'not-found': { status: 404, title: 'No such resource', detail: 'Check the path and the id in it.' },
  'form-not-found': { status: 404, title: 'No such form', detail: 'Check the id or slug of the form.' },
  'version-not-found': {
    status: 404,
    title: 'No such version of the form',
    detail: 'GET /api/v1/forms/{id}/versions lists the versions there are.',
  },
  'response-not-found': { status: 404, title: 'No such response', detail: 'Check the id of the response.' },
  'task-not-found': {
    status: 404,
    title: 'No such task',
    detail: 'Check the id of the task; finished tasks are removed after some days.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'The resource does not have this method',
    detail: 'Use one of the methods in the header Allow.',
  },
  'request-timeout': {
    status: 408,
    title: 'The request took too long to arrive',
    detail: 'Send the whole request without long pauses.',
  },
  conflict: {
    status: 409,
    title: 'The resource is not in a state that allows this',
    detail: 'Read the resource again, and repeat what you want if it still makes sense.',
  },
  'form-closed': {
    status: 409,
    title: 'The form is closed',
    detail: 'The form takes no responses until its owner reopens it.',
  },
  'form-not-published': {
    status: 404,
    title: 'The form has not been published yet',
    detail: 'Publish the form first: POST /api/v1/forms/{id}/publish.',
  },
  'already-exists': { status: 409, title: 'Something with this name exists already', detail: 'Choose another name.' },
  'form-archived': {
    status: 410,
    title: 'The form is archived',
    detail: 'An archived form stays as it is for good; make a new one.',
  },
  gone: { status: 410, title: 'The resource has been removed', detail: 'It is not coming back; ask for a new one.' },
  'revision-mismatch': {
    status: 412,
    title: 'The resource is not the one that was read',
    detail: 'Read it again, apply your change to what it is now, and send its new ETag as If-Match.',
  },
  'body-too-large': { status: 413, title: 'The body is too large', detail: 'Send a smaller body.' },
  'unsupported-media-type': {
    status: 415,
    title: 'The content type is not supported',
    detail: 'Send the body as application/json, without Content-Encoding.',
  },
  'range-not-satisfiable': {
    status: 416,
    title: 'The range lies outside the file',
    detail: 'Ask for a range within the file, or leave Range out.',
  },
  'expectation-failed': {
    status: 417,
    title: 'The expectation cannot be met',
    detail: 'Leave the header Expect out, or send Expect: 100-continue.',
  },
  'answers-invalid': {
    status: 422,
    title: 'The answers do not fit the form',
    detail: 'See errors for the answers to mend.',
  },
  'definition-invalid': {
    status: 422,
    title: 'The form definition has parts that are wrong or not supported',
    detail: 'See errors for the parts to mend.',
  },
  'honeypot-filled': {
    status: 422,
    title: 'A field that people do not see was filled in',
    detail: 'Leave the hidden field empty.',
  },
  'idempotency-key-reused': {
    status: 422,
    title: 'The idempotency key was used for another body',
    detail: 'Use a fresh key for another body, or send the same body again.',
  },
  'webhook-url-refused': {
    status: 422,
    title: 'The webhook URL may not be used',
    detail: 'Use an https URL of a public host.',
  },
  'query-refused': {
    status: 422,
    title: 'The query is not one that may be asked',
    detail: 'One SELECT over the tables that were named, of the functions in docs/reference/sql.md.',
  },
  'query-failed': { status: 422, title: 'The query cannot be answered', detail: 'Mend it as the database says.' },
  'query-too-slow': {
    status: 422,
    title: 'The query took longer than it may',
    detail: 'Ask for less: a shorter range, fewer groups, a filter that comes first.',
  },
  'query-too-large': {
    status: 422,
    title: 'The query needs more memory, or has a larger answer, than it may',
    detail: 'Ask for less: a shorter range, fewer columns, a limit.',
  },
  'value-refused': {
    status: 422,
    title: 'A value is well-formed but not acceptable',
    detail: 'See errors for the values to mend.',
  },
  'header-too-large': {
    status: 431,
    title: 'The header of the request is too large',
    detail: 'Send fewer or shorter header fields: 16 kB together by default.',
  },
  'rate-limited': { status: 429, title: 'Too many requests', detail: 'Wait as long as Retry-After says.' },
  'login-throttled': {
    status: 429,
    title: 'Too many failed logins',
    detail: 'Wait as long as Retry-After says, then sign in again.',
  },
  'too-many-streams': {
    status: 429,
    title: 'Too many event streams are open',
    detail: 'Close a stream, or ask GET /api/v1/tasks/{id} from time to time instead.',
  },
  internal: {
    status: 500,
    title: 'Something went wrong on our side',
    detail: 'The fault is logged under the request id.',
  },
  'storage-unavailable': {
    status: 503,
    title: 'The answer cannot be kept right now',
    detail: 'Nothing was kept; send it again after a while, with the same Idempotency-Key if there is one.',
  },
  'disk-nearly-full': {
    status: 503,
    title: 'The disk is nearly full',
    detail: 'Nothing was kept; the operator must make room on the disk.',
  },
  'engine-unavailable': {
    status: 503,
    title: 'The query engine does not answer',
    detail: 'Ask again in a few seconds.',
  },
  'data-damaged': {
    status: 503,
    title: 'An exported file is damaged',
    detail:
      'It is written again from the store: ask again in a while. The dead letters say why that failed, formstead exports verify what else is damaged.',
  },
  'model-unavailable': {
    status: 503,
    title: 'No embedding model answers',
    detail: 'The operator chooses one: formstead models use. While one is in use that fails, try again later.',
  },
  timeout: {
    status: 503,
    title: 'The answer took too long',
    detail:
      'It may have been done all the same: send it again with the same Idempotency-Key, or look first where there is none.',
  },
  'shutting-down': { status: 503, title: 'The server is shutting down', detail: 'Send it again in a few seconds.' },
} as const satisfies Record<string, { status: number; title: string; detail: string }>;

export type ErrorCode = keyof typeof errorTable;

/** One wrong place in a body: an RFC 6901 pointer, a stable code, and a sentence that says how to mend it. */
export type Issue = { pointer: string; code: string; detail: string };

export type ErrorDetails = { detail?: string; issues?: Issue[]; retryAfterSeconds?: number; cause?: unknown };

/** An error that ends a request (or a task). Nobody reads its message to decide: they read `code`. */
export class AppError extends Error {
  readonly code: ErrorCode;
  /** How to mend this very case, or what the table says of the code. */
  readonly detail: string;
  readonly issues: Issue[] | undefined;
  /** Whole seconds the client should wait, sent as `Retry-After`. */
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    super(details.detail ? `${code}: ${details.detail}` : code, { cause: details.cause });
    this.name = 'AppError';
    this.code = code;
    this.detail = details.detail ?? errorTable[code].detail;
    this.issues = details.issues;
    this.retryAfterSeconds = details.retryAfterSeconds;
  }

  get status(): number {
    return errorTable[this.code].status;
  }
}
