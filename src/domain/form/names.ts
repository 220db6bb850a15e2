import { below, type Findings, report } from './checks.ts';
import { limits } from './limits.ts';

const pattern = /^[\p{L}_][\p{L}\p{N}_-]*$/u;

// Names that SurveyJS's expressions take for something else than a question.
const surveyNames =
  'pageno pagecount questioncount correctedanswers correctanswers correctedanswercount incorrectedanswers incorrectanswers ' +
  'incorrectedanswercount locale survey self parent matrix composite item choice column row prevrow nextrow totalrow rowindex ' +
  'visiblerowindex rowvalue rowname rowtitle panel prevpanel nextpanel parentpanel panelindex visiblepanelindex';
const reserved = new Set(surveyNames.split(' '));

/** `toString`, `constructor`, `__proto__` and the like exist on every object: what is kept under such a name is lost or mistaken. */
export function isEveryObjects(name: string): boolean {
  return name in {} || name === 'prototype';
}

/** Checks the name of a question: its form, and that no other question has it. `seen` maps lower-case names to where they stand. */
export function checkName(
  name: unknown,
  pointer: string,
  seen: Map<string, string>,
  findings: Findings,
): string | undefined {
  const at = below(pointer, 'name');
  if (typeof name !== 'string' || name === '') {
    report(findings, at, 'missing', 'Give the question a name: its answers arrive under it.');
    return undefined;
  }
  if (!pattern.test(name) || [...name].length > limits.nameLength || name !== name.normalize('NFC')) {
    const rule = `1 to ${limits.nameLength} letters, digits, “_” and “-”, beginning with a letter or “_” (in Unicode form NFC)`;
    report(findings, at, 'bad-name', `Choose a name of ${rule}.`);
    return undefined;
  }
  const lower = name.toLowerCase();
  if (isEveryObjects(name) || reserved.has(lower) || lower === 'prototype' || /-(?:comment|unwrapped)$/.test(lower)) {
    report(findings, at, 'reserved-name', `Choose another name: “${name}” has a meaning of its own.`);
    return undefined;
  }
  const earlier = seen.get(lower);
  if (earlier !== undefined) {
    report(
      findings,
      at,
      'duplicate-name',
      `Choose another name: ${earlier} has it already (upper and lower case count as the same).`,
    );
    return undefined;
  }
  seen.set(lower, pointer);
  return name;
}
