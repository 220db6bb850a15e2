/** What a form may have at most. Published in docs/reference/forms.md. */
export const limits = {
  definitionBytes: 512 * 1024,
  /** Nesting of the JSON of a definition (8 panels, their arrays, and what stands inside an element need 24); a body has 32 levels, the form around it is one. */
  definitionDepth: 30,
  /** Questions and panels together. */
  elements: 500,
  panelDepth: 8,
  choices: 1000,
  /** SurveyJS shows no more. */
  ratings: 20,
  choiceLength: 256,
  nameLength: 64,
  expressionLength: 2000,
  expressionDepth: 32,
  patternLength: 1000,
  /** Code points of an answer to a one-line text question without a maxLength of its own. */
  textLength: 10_000,
  /** Code points of an answer to a comment without a maxLength of its own. */
  commentLength: 100_000,
  /** Problems reported at once. */
  issues: 50,
} as const;
