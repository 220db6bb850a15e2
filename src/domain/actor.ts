/** Who acts. People and API tokens come in over HTTP, the system acts by its tasks, the operator by the command line. */
export type Actor =
  | { kind: 'user'; id: string; role: Role; sessionId: string }
  | { kind: 'token'; id: string; scopes: Permission[] }
  | { kind: 'system'; id: string }
  | { kind: 'operator'; id: string }
  | { kind: 'public'; address: string };

export const roles = ['admin', 'editor', 'analyst', 'viewer'] as const;
export type Role = (typeof roles)[number];

export const permissions = [
  'forms:read',
  'forms:write',
  'responses:read',
  'responses:review',
  'analytics:read',
  // SQL over the answers themselves; and with the columns that say who somebody is.
  'analytics:sql',
  'analytics:personal',
  'exports:read',
  'exports:create',
  'tasks:read',
  'tasks:manage',
  'webhooks:manage',
  'mail:manage',
  'users:manage',
  'tokens:manage',
  'audit:read',
  'operations:read',
] as const;
export type Permission = (typeof permissions)[number];

/** What each role may do. `admin` may do everything; the others only what their work needs. Published in docs/reference/permissions.md. */
export const rolePermissions: Record<Role, readonly Permission[]> = {
  admin: permissions,
  editor: ['forms:read', 'forms:write', 'analytics:read', 'tasks:read'],
  analyst: [
    'forms:read',
    'responses:read',
    'responses:review',
    'analytics:read',
    'analytics:sql',
    'exports:read',
    'exports:create',
    'tasks:read',
  ],
  viewer: ['forms:read', 'analytics:read'],
};

export function may(actor: Actor, permission: Permission): boolean {
  switch (actor.kind) {
    case 'user':
      return rolePermissions[actor.role].includes(permission);
    case 'token':
      return actor.scopes.includes(permission);
    case 'system':
    case 'operator':
      return true;
    case 'public':
      return false;
  }
}
