import { type Permission, permissions, type Role, rolePermissions, roles } from '#domain/actor.ts';
import type { AccessRow } from './auth.ts';

const about: Record<Role, string> = {
  admin: 'everything; what sends answers out of the house is for administrators only',
  editor: 'makes and publishes forms; sees counts, not what people wrote',
  analyst: 'reads, corrects and exports responses',
  viewer: 'sees forms and counts',
};

/** docs/reference/permissions.md: role × permission by the table of the domain, role × route by what the routes of a ready server say. */
export function permissionsPage(rows: readonly AccessRow[]): string {
  const sorted = rows.toSorted((a, b) => compare(a.path, b.path) || compare(a.method, b.method));
  return `# Permissions

<!-- Made by permissionsPage of src/http/permissions-page.ts: change rolePermissions or the guard of the route, not this page. -->

A person has one role, an API token a list of permissions (its scopes). The role is read for every request: another role, disabling, a new password
and a logout count from the next request on.

${roles.map((role) => `- **${role}**: ${about[role]}`).join('\n')}

| permission | ${roles.join(' | ')} |
| --- | ${roles.map(() => '---').join(' | ')} |
${permissions.map((permission) => `| \`${permission}\` | ${roles.map((role) => mark(role, permission)).join(' | ')} |`).join('\n')}

\`mail:manage\` has no route of its own: who has it may set, change and remove \`settings.notify_emails\` and \`settings.notify\` of a form, beside
\`forms:write\`; see [mail.md](mail.md).

## Routes
\`public\`: nobody is asked. \`signed-in\`: any valid token. Everything else: 401 without a valid token, 403 without the permission. On a public route a token
that is junk, expired or revoked counts as none: who follows a task with an old token sees what everybody sees.

| method | path | needs | ${roles.join(' | ')} |
| --- | --- | --- | ${roles.map(() => '---').join(' | ')} |
${sorted.map((row) => `| ${row.method} | \`${row.path}\` | ${row.access} | ${roles.map((role) => mark(role, row.access)).join(' | ')} |`).join('\n')}

## Logins
- An access token is sent as \`Authorization: Bearer …\`. A refresh token is good for one refresh, which gives a new pair. Using an older one ends the login,
  because two hold it then; so a client refreshes once and waits, it does not send the same refresh twice.
- A login lives for \`FORMSTEAD_REFRESH_TOKEN_LIFE\` after its last refresh and 90 days in all (or one refresh life, if that is longer).
- After \`FORMSTEAD_LOGIN_FAILURES\` wrong passwords an account is closed until the window (\`FORMSTEAD_LOGIN_WINDOW\`) ends, whether it exists or not; after
  \`FORMSTEAD_LOGIN_FAILURES_PER_ADDRESS\` a network is (an IPv4 address, an IPv6 /64). From a network where a person has signed in before, the account
  is counted apart, so strangers cannot lock that person out; whoever is signed in stays so.
- The last active administrator can be neither disabled nor given another role.

## API tokens
- A token can do what its scopes say and its maker may do now. When its maker is disabled or has another role, or the token that made it is revoked, it can
  do less or nothing.
- Nobody gives what they do not have: a token's scopes lie within its maker's permissions, and only who may do everything a role may can make or change a
  user of that role. A token that may make tokens cannot make one that may.
`;
}

function mark(role: Role, access: Permission | 'signed-in' | 'public'): string {
  const may = access === 'public' || access === 'signed-in' || rolePermissions[role].includes(access);
  return may ? 'yes' : '';
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
