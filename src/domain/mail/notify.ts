import { type Actor, may } from '../actor.ts';
import type { Issue } from '../errors.ts';
import type { FormSettings } from '../form/form.ts';
import { recipientKey } from './address.ts';

/** Addresses that one form may name. */
export const mostAddresses = 20;

/** How a form tells of its responses; see `notifyOf` for what is left out. */
export type NotifySpec = {
  /** `each`: a message for each response, once it is understood or will not be. `digest`: one for all that came since the last one. */
  send?: 'each' | 'digest';
  /** Of a digest. */
  every?: 'hour' | 'day';
  /** 0…23, in the installation's time zone; of a daily digest. */
  hour?: number;
};

export type Notify = Required<NotifySpec> & {
  /** By `recipientKey`; each mailbox once. */
  recipients: ReadonlyMap<string, string>;
};

export function notifyOf({ notify_emails = [], notify = {} }: FormSettings): Notify {
  const { send = 'each', every = 'day', hour = 8 } = notify;
  return { send, every, hour, recipients: new Map(notify_emails.map((address) => [recipientKey(address), address])) };
}

const keys = ['notify_emails', 'notify'] as const;

/** The keys that a change of the settings touches, as pointers. */
export function changedNotify(before: FormSettings, after: FormSettings): string[] {
  return keys
    .filter((key) => JSON.stringify(normal(before[key])) !== JSON.stringify(normal(after[key])))
    .map((key) => `/settings/${key}`);
}

/** An empty list is none, and the order in which an object's keys are written says nothing. */
function normal(value: FormSettings[(typeof keys)[number]]): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value;
  return value && [value.send, value.every, value.hour];
}

/** What sends answers out of the house is for administrators only: what the actor may not change, and how to go on without. */
export function notifyRefusals(actor: Actor, before: FormSettings, after: FormSettings): Issue[] {
  if (may(actor, 'mail:manage')) return [];
  return changedNotify(before, after).map((pointer) => ({
    pointer,
    code: 'administrators-only',
    detail: 'Only an administrator may set, change or remove this; send it back as you read it.',
  }));
}
