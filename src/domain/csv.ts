import type { Cell, ExportColumn } from './export-rows.ts';

/*
 * RFC 4180: CRLF ends a line, a cell is quoted where it must be, a quote inside is doubled. No byte order mark.
 */

/**
 * A spreadsheet takes a text that begins like this for a formula. Some programs drop leading white space first, and a Japanese Excel takes the
 * full-width signs for the plain ones.
 */
const formulaStart = /^(?:[\t\r\n]|\s*[=+\-@＝＋－＠])/u;
const needsQuotes = /[",\r\n]|^\s|\s$/;

export function csvHeader(columns: readonly ExportColumn[]): string {
  return `${columns.map(({ name }) => name).join(',')}\r\n`;
}

export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

/** Nothing for null; a list as JSON; a text that would be taken for a formula with a leading single quote. Numbers stay numbers. */
export function csvCell(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell === 'number' || typeof cell === 'boolean') return String(cell);
  const text = typeof cell === 'string' ? cell : JSON.stringify(cell);
  return quoted(formulaStart.test(text) ? `'${text}` : text);
}

function quoted(text: string): string {
  return needsQuotes.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
