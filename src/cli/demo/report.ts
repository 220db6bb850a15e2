/** What the demo prints: a table of facts, then responses as a person would like to read them. */
export type Row = { what: string; result: string; seconds?: number };

export function printTable(rows: Row[]): void {
  const wide = Math.max(...rows.map(({ what }) => what.length));
  const middle = Math.max(...rows.map(({ result }) => result.length));
  console.log();
  for (const { what, result, seconds } of rows) {
    const time = seconds === undefined ? '' : `${seconds.toFixed(1).padStart(6)} s`;
    console.log(`  ${what.padEnd(wide)}   ${result.padEnd(middle)} ${time}`.trimEnd());
  }
  console.log();
}

export type Understood = {
  id: string;
  answers: Record<string, unknown>;
  language?: string;
  receipt: { chain: string; seq: number; sha256: string };
  intelligence?: {
    classify?: { label: string | null; confidence: number; tier: string; needs_review: boolean; provenance?: By };
    extract?: { fields: Record<string, Field>; provenance?: By; tagger?: By; llm?: By };
    respond?: { text: string; tier: string; provenance?: By };
    trail?: { part: 'classify' | 'extract' | 'respond'; tier: string; outcome: string }[];
  };
};
type Field = { value: string; source: string; question: string; start: number; end: number; tier: string };
/** Provenance, as the API tells it. */
type By = {
  model: string;
  model_sha256?: string;
  milliseconds: number;
  prompt?: string;
  seed?: number;
  tokens?: { prompt: number; reused: number; answer: number };
};

export function printResponse(form: string, text: string, response: Understood): void {
  const { classify, extract, respond } = response.intelligence ?? {};
  console.log(`  ${form}${response.language ? `, ${response.language}` : ''}`);
  for (const line of wrap(text.replaceAll('\n', ' '), 96).slice(0, 5)) console.log(`  │ ${line}`);
  if (classify) {
    const sure = `${Math.round(classify.confidence * 100)} % sure`;
    console.log(
      `  label   ${classify.label ?? 'none of them'} (${sure}${classify.needs_review ? ', a person should look' : ''}; ${classify.tier})`,
    );
  }
  for (const [name, { value, source, tier }] of Object.entries(extract?.fields ?? {}))
    console.log(`  ${name.padEnd(7)} ${value}   from “${source}” (${tier})`);
  if (respond) console.log(`  draft   ${respond.text} (${respond.tier})`);
  console.log();
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line.length + word.length + 1 > width) {
      lines.push(line);
      line = '';
    }
    line += (line ? ' ' : '') + word;
  }
  return [...lines, line];
}
