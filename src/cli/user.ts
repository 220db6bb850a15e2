import { createInterface } from 'node:readline';
import { pages } from '#app/every.ts';
import { type Adapters, createUseCases, openAdapters, openLog, type UseCases } from '#compose.ts';
import { type Role, roles } from '#domain/actor.ts';
import { AppError } from '#domain/errors.ts';
import type { Stored } from '#ports/storage.ts';
import { configOrExit } from './settings.ts';
import { version } from './version.ts';

const operator = { actor: { kind: 'operator', id: 'command-line' } } as const;

export async function addUser(
  email: string,
  options: { role: string; name?: string; passwordStdin?: boolean },
): Promise<void> {
  const role = roleOf(options.role);
  const given = options.passwordStdin ? await firstLine() : undefined;
  await withStore(async ({ users }, { ids }) => {
    const password = given ?? generated(ids);
    const { doc } = await users.create(operator, { email, name: options.name, role, password });
    console.log(`${doc.id} ${doc.email} ${doc.role}`);
    if (given === undefined) console.log(`password: ${password}`);
  });
}

export async function listUsers(): Promise<void> {
  await withStore(async ({ users }) => {
    for await (const { items } of pages((after) => users.list({ limit: 200, after })))
      for (const { doc } of items) console.log(`${doc.id} ${doc.status.padEnd(8)} ${doc.role.padEnd(8)} ${doc.email}`);
  });
}

export async function setPassword(email: string, options: { passwordStdin?: boolean }): Promise<void> {
  const given = options.passwordStdin ? await firstLine() : undefined;
  await withStore(async ({ users }, adapters) => {
    const password = given ?? generated(adapters.ids);
    const user = await byEmail(adapters, email);
    await users.update(operator, user.doc.id, { password });
    console.log(`The password of ${user.doc.email} is changed; every login has ended.`);
    if (given === undefined) console.log(`password: ${password}`);
  });
}

export async function setStatus(email: string, status: 'active' | 'disabled'): Promise<void> {
  await withStore(async ({ users }, adapters) => {
    const user = await byEmail(adapters, email);
    await users.update(operator, user.doc.id, { status });
    console.log(`${user.doc.email} is ${status}.`);
  });
}

/** Opens the store of a stopped server: two writers are refused by the lock of the data directory. */
async function withStore(work: (useCases: UseCases, adapters: Adapters) => Promise<void>): Promise<void> {
  const { config } = configOrExit();
  const log = await openLog({ logLevel: 'error' });
  const adapters = await openAdapters(config, { log, version });
  try {
    await work(createUseCases(adapters, config), adapters);
  } finally {
    await adapters.close();
  }
}

async function byEmail({ storage }: Adapters, email: string): Promise<Stored<'user'>> {
  const found = await storage.getByKey('user', email.trim().toLowerCase());
  if (!found) throw new AppError('not-found', { detail: `There is no user ${email}.` });
  return found;
}

function roleOf(text: string): Role {
  const role = roles.find((one) => one === text);
  if (!role)
    throw new AppError('value-refused', { detail: `There is no role ${text}; there are ${roles.join(', ')}.` });
  return role;
}

function generated(ids: Adapters['ids']): string {
  return Buffer.from(ids.randomBytes(18)).toString('base64url');
}

async function firstLine(): Promise<string> {
  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) {
    lines.close();
    return line;
  }
  throw new AppError('value-refused', { detail: 'Standard input was empty; the password is its first line.' });
}
