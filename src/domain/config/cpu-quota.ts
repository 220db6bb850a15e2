/** The text of a file. Errors: throws when it cannot be read. */
type ReadFile = (path: string) => string;

/**
 * CPUs this process may use: `available` (those it may be scheduled on), or as many as the quota of its control group and of every group above it is worth,
 * whichever is less; rounded up, at least 1. Errors: none; what cannot be read limits nothing.
 */
export function usableCpus(available: number, readFile: ReadFile): number {
  const quotas = quotaFiles(textOf('/proc/self/cgroup', readFile)).map((files) => files(readFile));
  return Math.max(1, Math.min(available, ...quotas.map(Math.ceil)));
}

type Quota = (readFile: ReadFile) => number;

/** What to read, by the lines of /proc/self/cgroup: `0::/path` of version 2, `4:cpu,cpuacct:/path` of version 1. */
function quotaFiles(groups: string): Quota[] {
  return groups.split('\n').flatMap((line) => {
    const [, id, controllers = '', path = ''] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    if (id === '0' && controllers === '')
      return foldersUpFrom(path).map((folder) => unified(`/sys/fs/cgroup${folder}`));
    if (!controllers.split(',').includes('cpu')) return [];
    // Mounted under the names of all its controllers, and usually linked from each of them.
    return foldersUpFrom(path).flatMap((folder) =>
      [...new Set([controllers, 'cpu'])].map((name) => legacy(`/sys/fs/cgroup/${name}${folder}`)),
    );
  });
}

/** The group's own folder and all above it. In a container the path may be the host's, which is not to be found there: the root is the container's then. */
function foldersUpFrom(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '');
  return names.map((_, above) => `/${names.slice(0, names.length - above).join('/')}`).concat('');
}

/** Version 2: `max 100000`, or quota and period in microseconds. */
const unified =
  (folder: string): Quota =>
  (readFile) => {
    const [quota, period] = textOf(`${folder}/cpu.max`, readFile).trim().split(/\s+/);
    return cpusOf(quota, period);
  };

/** Version 1: a quota of -1 is none. */
const legacy =
  (folder: string): Quota =>
  (readFile) =>
    cpusOf(textOf(`${folder}/cpu.cfs_quota_us`, readFile), textOf(`${folder}/cpu.cfs_period_us`, readFile));

function cpusOf(quota = '', period = ''): number {
  const cpus = Number.parseInt(quota, 10) / Number.parseInt(period, 10);
  return cpus > 0 ? cpus : Number.POSITIVE_INFINITY;
}

function textOf(path: string, readFile: ReadFile): string {
  try {
    return readFile(path);
  } catch {
    return '';
  }
}
