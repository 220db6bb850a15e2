/** What a text says about a person. `unread`: a part that nobody looked at, since a text is read only so far. */
export const personalKinds = ['email', 'phone', 'iban', 'name', 'card', 'unread'] as const;
export type PersonalKind = (typeof personalKinds)[number];

/** UTF-16 units into the text as sent. */
export type PersonalSpan = { kind: PersonalKind; start: number; end: number };
