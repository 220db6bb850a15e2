/** What a form asks the machine to understand: set by its author, frozen with each published version. */
export type FieldType =
  | 'text'
  | 'number'
  | 'money'
  | 'date'
  | 'time'
  | 'email'
  | 'phone'
  | 'url'
  | 'iban'
  | 'person'
  | 'place'
  | 'organisation'
  | 'enum';

export type FieldSpec = { name: string; type: FieldType; description?: string; values?: string[] };

export type LabelSpec = { name: string; description?: string; examples?: string[] };

export type IntelligenceSpec = {
  /** Names of the questions whose text is read; the form's free-text questions when absent. */
  text?: string[];
  classify?: { labels: LabelSpec[]; allow_none?: boolean };
  extract?: { fields: FieldSpec[] };
  respond?: { instructions: string; max_words?: number };
};
