import { auditRules } from './storage/audit.ts';
import { changeRules } from './storage/changes.ts';
import { commitRules } from './storage/commits.ts';
import { keyRules } from './storage/keys.ts';
import type { Place } from './storage/kit.ts';
import { lineRules } from './storage/lines.ts';
import { listRules } from './storage/lists.ts';
import { pruningRules } from './storage/pruning.ts';
import { receiptRules } from './storage/receipts.ts';
import { responseRules } from './storage/responses.ts';
import { roundTripRules } from './storage/round-trips.ts';
import { taskAdministrationRules } from './storage/task-administration.ts';
import { taskAttemptRules } from './storage/task-attempts.ts';

export type { Place } from './storage/kit.ts';

/**
 * What every store must do within one process. `make` gives an empty place for a store; the suite opens, closes and clears it.
 * What several processes do to one store, and what a kill leaves of it, is in storage-processes.ts.
 */
export function storageContract(name: string, make: () => Promise<Place>): void {
  const under = { name, make };
  commitRules(under);
  keyRules(under);
  roundTripRules(under);
  listRules(under);
  lineRules(under);
  pruningRules(under);
  responseRules(under);
  changeRules(under);
  receiptRules(under);
  taskAttemptRules(under);
  taskAdministrationRules(under);
  auditRules(under);
}
