import { readFileSync } from 'node:fs';
import { prepareMongodb } from '#compose/prepare-mongodb.ts';
import { configOrExit } from './settings.ts';

/** Runs beside a new database server before the program does. */
export async function prepare(options: { via: string; member: string; adminPasswordFile: string }): Promise<void> {
  const { config } = configOrExit();
  const adminPassword = readFileSync(options.adminPasswordFile, 'utf8').trimEnd();
  for (const line of await prepareMongodb(config, { ...options, adminPassword })) console.log(line);
}
