import { createHash } from 'node:crypto';
import type { Column, ColumnType, CompiledQuestion } from './compiled.ts';
import { isWithheld } from './withheld.ts';

const inputColumns: Record<string, ColumnType> = {
  number: 'number',
  range: 'number',
  date: 'date',
  'datetime-local': 'timestamp',
};

/** The columns a question has in exports and analytics: one for the answer and one for the free text of “other”; none for one that is withheld. */
export function columnsOf(question: CompiledQuestion): Column[] {
  if (isWithheld(question)) return [];
  const columns = [column(question.name, columnType(question), question.title)];
  if (question.commentName) columns.push(column(question.commentName, 'string', `${question.title} (other)`));
  return columns;
}

function columnType(question: CompiledQuestion): ColumnType {
  switch (question.type) {
    case 'text':
      return inputColumns[question.inputType ?? 'text'] ?? 'string';
    case 'comment':
      return 'string';
    case 'checkbox':
      return 'string[]';
    case 'boolean':
      return question.booleanValues
        ? scalarType([question.booleanValues.true, question.booleanValues.false])
        : 'boolean';
    default:
      return scalarType(question.values ?? []);
  }
}

function scalarType(values: readonly unknown[]): ColumnType {
  const [first, ...others] = new Set(values.map((value) => typeof value));
  return others.length === 0 && (first === 'number' || first === 'boolean') ? first : 'string';
}

const typeMarks: Record<ColumnType, string> = {
  string: 'text',
  number: 'number',
  boolean: 'boolean',
  date: 'date',
  timestamp: 'timestamp',
  'string[]': 'list',
};

// A name that is not a plain lower-case identifier gets 8 hex digits of its hash: “Größe” and “größe” must not meet in one column.
function column(name: string, type: ColumnType, title: string): Column {
  return { name, id: `${stemOf(name)}__${typeMarks[type]}`, type, title };
}

function stemOf(name: string): string {
  if (/^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/.test(name)) return name;
  const plain = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^[_0-9]+|_+$/g, '');
  return `${plain || 'answer'}_${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
}
