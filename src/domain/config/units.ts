const millisecondsOf = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const bytesOf: Record<string, number> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
};

/** `500ms`, `15s`, `2m`, `1h`, `7d`, or `0`: milliseconds, or undefined when it is none of these. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const match = /^(\d{1,12})\s*(ms|s|m|h|d)$/i.exec(text);
  if (!match) return undefined;
  return Number(match[1]) * millisecondsOf[match[2]!.toLowerCase() as keyof typeof millisecondsOf];
}

/** The shortest exact way to write it: 900000 is `15m`, 1500 is `1500ms`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds === 0) return '0s';
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    if (milliseconds % millisecondsOf[unit] === 0) return `${milliseconds / millisecondsOf[unit]}${unit}`;
  }
  return `${milliseconds}ms`;
}

/**
 * `4096B`, `256kB`, `1.5GB`, `64MiB`, or `0`: whole bytes, or undefined when it is none of these. kB is 1000, KiB is 1024; letter case does not matter. A bare
 * number is none: who writes 256 means megabytes, or bytes, or kB.
 */
export function parseBytes(text: string): number | undefined {
  if (text === '0') return 0;
  const match = /^(\d{1,12}(?:\.\d{1,6})?)\s*([kmgt]?i?b)$/i.exec(text);
  if (!match) return undefined;
  const factor = bytesOf[match[2]!.toLowerCase()];
  if (factor === undefined) return undefined;
  const bytes = Number(match[1]) * factor;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The shortest exact way to write it: 256000 is `256kB`, 19922944 is `19MiB`, 1001 is `1001B`. */
export function formatBytes(bytes: number): string {
  if (bytes === 0) return '0B';
  for (const [unit, name] of [
    ['tb', 'TB'],
    ['tib', 'TiB'],
    ['gb', 'GB'],
    ['gib', 'GiB'],
    ['mb', 'MB'],
    ['mib', 'MiB'],
    ['kb', 'kB'],
    ['kib', 'KiB'],
  ] as const) {
    if (bytes % bytesOf[unit]! === 0) return `${bytes / bytesOf[unit]!}${name}`;
  }
  return `${bytes}B`;
}
