import type { FastifyReply } from 'fastify';
import { type AppError, errorTable } from '#domain/errors.ts';

/* The two plain pages that somebody meets whose browser posted an HTML form: no script, no outside asset. */

export function thankYouPage(reply: FastifyReply): string {
  return page(reply, 'Thank you', '<p>Your response has been received and kept.</p>');
}

export function problemPage(reply: FastifyReply, error: AppError, requestId: string): string {
  reply.code(error.status);
  if (error.retryAfterSeconds !== undefined) reply.header('retry-after', String(error.retryAfterSeconds));
  const issues = (error.issues ?? []).map(
    ({ pointer, detail }) => `<li><b>${escapeHtml(fieldName(pointer))}</b>: ${escapeHtml(detail)}</li>`,
  );
  const { title } = errorTable[error.code];
  const body = `${issues.length ? `<ul>${issues.join('')}</ul>` : `<p>${escapeHtml(error.detail)}</p>`}
    <p>Nothing was kept. Go back, mend it, and send it again.</p><p><small>Request ${escapeHtml(requestId)}</small></p>`;
  return page(reply, title, body);
}

function page(reply: FastifyReply, title: string, body: string): string {
  reply
    .type('text/html; charset=utf-8')
    .header('content-security-policy', "default-src 'none'; frame-ancestors 'none'");
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title></head>
    <body><main><h1>${escapeHtml(title)}</h1>${body}</main></body></html>`;
}

/** `/answers/first~1name` → `first/name` */
function fieldName(pointer: string): string {
  return pointer
    .replace(/^\/answers\//, '')
    .replaceAll('~1', '/')
    .replaceAll('~0', '~');
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
