/** Rows in columns for a terminal, two spaces apart; `numbers` are the columns that stand to the right. */
export function tableText(rows: readonly (readonly string[])[], numbers: readonly number[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const cell = (text: string, column: number) =>
    numbers.includes(column) ? text.padStart(widths[column]!) : text.padEnd(widths[column]!);
  return rows.map((row) => row.map(cell).join('  ').trimEnd()).join('\n');
}
