import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '#domain/errors.ts';

/** After a moment whatever held it up may be over. */
const retryAfterSeconds = 5;

const timerKey = Symbol('answer timer');
type Timed = FastifyRequest & { [timerKey]?: NodeJS.Timeout };

/**
 * Answers `timeout` when the header of an answer is not on its way after `limitMs`; whatever the route still sends is dropped. The time begins anew once the body
 * is in: that a client sends slowly is the business of Node's own limit on requests (`request-timeout`). What has sent its header is not timed.
 */
export function installAnswerTime(app: FastifyInstance, limitMs: number): void {
  app.addHook('onRequest', (request: Timed, reply, done) => {
    const timer = setTimeout(() => answerLate(request, reply), limitMs);
    // A request that is still open keeps its connection, and that the process.
    timer.unref();
    request[timerKey] = timer;
    done();
  });
  app.addHook('preValidation', (request: Timed, _reply, done) => {
    request[timerKey]?.refresh();
    done();
  });
  app.addHook('onSend', (request: Timed, _reply, payload, done) => {
    clearTimeout(request[timerKey]);
    done(null, payload);
  });
}

function answerLate(request: FastifyRequest, reply: FastifyReply): void {
  const { raw } = reply;
  if (!request.raw.complete || reply.sent || raw.headersSent || raw.destroyed) return;
  reply.send(new AppError('timeout', { retryAfterSeconds }));
}
