/** Whether `If-None-Match` names this strong tag: weak comparison (RFC 9110, 13.1.2), for a proxy that compresses makes tags weak. */
export function matchesEtag(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((one) => [etag, `W/${etag}`, '*'].includes(one.trim()));
}
