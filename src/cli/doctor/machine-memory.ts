import { totalmem } from 'node:os';

/** Bytes: what a container may use, where it is limited; else the machine's. */
export function machineMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}
