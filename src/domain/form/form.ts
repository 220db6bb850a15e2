import type { IntelligenceSpec } from '../intelligence.ts';
import type { NotifySpec } from '../mail/notify.ts';
import type { CompiledForm } from './compiled.ts';
import type { FormDefinition } from './definition.ts';

/*
 * draft ──publish──▶ open ──close──▶ closed ──reopen──▶ open
 *                     │                 │
 *                     └────archive──────┴──▶ archived (for good)
 */
export type FormStatus = 'draft' | 'open' | 'closed' | 'archived';

export type FormSettings = {
  /** Origins that browsers may send responses from; every origin when absent. */
  allowed_origins?: string[];
  limits?: {
    /** Largest body of one response in bytes, at most the installation's. */
    max_body_bytes?: number;
    /** Responses per minute and address, at most the installation's. */
    responses_per_minute?: number;
  };
  /** Who is told of responses by e-mail. Set by administrators only: it sends answers out of the house. */
  notify_emails?: string[];
  notify?: NotifySpec;
};

export type Form = {
  id: string;
  /** Unique; the id where the author gave none. */
  slug: string;
  title: string;
  status: FormStatus;
  /** The draft: what the next publish freezes. */
  definition: FormDefinition;
  intelligence: IntelligenceSpec | undefined;
  settings: FormSettings;
  /** Newest published version, 0 before the first. */
  version: number;
  createdAt: number;
  updatedAt: number;
};

/** A published version: it never changes again. */
export type FormVersion = {
  id: string;
  formId: string;
  version: number;
  title: string;
  definition: FormDefinition;
  intelligence: IntelligenceSpec | undefined;
  compiled: CompiledForm;
  contentSha256: string;
  publishedAt: number;
};

export function versionId(formId: string, version: number): string {
  return `${formId}:${version}`;
}
