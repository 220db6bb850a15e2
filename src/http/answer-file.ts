import type { FastifyReply } from 'fastify';
import type { AnswerFiles } from '#app/queries/answer-files.ts';
import { AppError } from '#domain/errors.ts';
import { answerTypes, type FileFormat } from './schemas/queries.ts';
import { time } from './views.ts';

/** What whoever asks the query engine may be told. */
export const engineProblems = [
  'query-failed',
  'query-too-slow',
  'query-too-large',
  'engine-unavailable',
  'data-damaged',
  'disk-nearly-full',
] as const;

type Told = { truncated: boolean; suppressed?: number; asOf?: number };
type Sent = Omit<Awaited<ReturnType<AnswerFiles['sent']>>, 'told'> & { told: Told };

/** What JSON says beside the rows is in the head here. `name`: of the file, without its ending. */
export function sendAnswerFile(
  reply: FastifyReply,
  name: string,
  format: FileFormat,
  { told, bytes, chunks }: Sent,
): FastifyReply {
  reply
    .type(answerTypes[format])
    .header('content-length', bytes)
    .header('content-disposition', `attachment; filename="${name}.${format}"`)
    .header('x-truncated', String(told.truncated));
  if (told.suppressed !== undefined) reply.header('x-suppressed', told.suppressed);
  if (told.asOf !== undefined) reply.header('x-as-of', time(told.asOf));
  return reply.send(ReadableStream.from(chunks));
}

/** Aborts when the client goes, at once when it has gone already: nobody waits for the answer then. */
export function goneSignal({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  const leave = () => {
    if (!raw.writableFinished) gone.abort(new AppError('timeout', { detail: 'The client has gone.' }));
  };
  if (raw.closed) leave();
  else raw.once('close', leave);
  return gone.signal;
}
