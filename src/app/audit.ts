import type { Actor } from '#domain/actor.ts';
import type { AuditEntry } from '#domain/audit.ts';
import type { Json } from '#domain/json.ts';
import type { Clock } from '#ports/clock.ts';
import type { Ids } from '#ports/ids.ts';

/** Who asks, and by which request: handed to every use case that leaves a trace. */
export type Caller = { actor: Actor; requestId?: string };

/** Makes the entry that belongs to a commit. `subject` is an id; form content and people's names do not belong into `details`. */
export function createAuditor(deps: { ids: Ids; clock: Clock }) {
  return (caller: Caller, action: string, subject: string, details?: { [key: string]: Json }): AuditEntry => ({
    id: deps.ids.next('adt'),
    at: deps.clock.now(),
    actor: actorName(caller.actor),
    action,
    subject,
    requestId: caller.requestId,
    details,
  });
}
export type Auditor = ReturnType<typeof createAuditor>;

export function actorName(actor: Actor): string {
  return actor.kind === 'public' ? 'public' : `${actor.kind}:${actor.id}`;
}
