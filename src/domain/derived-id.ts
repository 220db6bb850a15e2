import { sha256Hex } from './hash.ts';

/**
 * A UUID that is the same for the same instant and text: looks like a UUIDv7 of that instant (epoch ms), so that it sorts among the others by time,
 * and what is made twice from the same cause has one id.
 */
export function derivedUuid(at: number, text: string): string {
  const time = at.toString(16).padStart(12, '0');
  const hash = sha256Hex(text);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hash.slice(0, 3)}-8${hash.slice(3, 6)}-${hash.slice(6, 18)}`;
}
