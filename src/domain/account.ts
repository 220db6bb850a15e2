import type { Permission, Role } from './actor.ts';

export type User = {
  id: string;
  /** Lower-cased; unique. */
  email: string;
  name: string | undefined;
  role: Role;
  status: 'active' | 'disabled';
  passwordHash: string;
  /** Access tokens issued before this instant are dead (password change, disabling). */
  tokensValidFrom: number;
  createdAt: number;
  updatedAt: number;
};

/** A login: one family of rotating refresh tokens and the access tokens issued with it. */
export type Session = {
  id: string;
  userId: string;
  status: 'active' | 'revoked';
  /** Keyed hash of the only refresh token that is still good; an older one revokes the family. */
  refreshHash: string;
  rotations: number;
  createdAt: number;
  expiresAt: number;
};

export type ApiToken = {
  id: string;
  name: string;
  /** Keyed hash of the secret part; unique. */
  hash: string;
  scopes: Permission[];
  status: 'active' | 'revoked';
  createdBy: string;
  createdAt: number;
  expiresAt: number | undefined;
};
