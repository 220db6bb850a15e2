import type { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

// survey-core 3.1's own expression (MIT), so that the server takes the addresses the renderer takes; `idn` ones are among them.
// No part of it can match in two ways, so it needs linear time.
const email =
  /^(([^<>()[\].,;:\s@"]+(\.[^<>()[\].,;:\s@"]+)*)|(".+"))@(([^<>()=[\].,;:\s@"]+\.)+[^<>()=[\].,;:\s@"]{2,})$/i;

/** Adds the formats that schemas of compiled forms use. `local-date-time` is a date and a time of day without a zone. */
export function addFormFormats(ajv: Ajv2020): void {
  addFormats.default(ajv, ['date']);
  const isDate = ajv.formats.date as { validate: (text: string) => boolean };
  ajv.addFormat('email', email);
  ajv.addFormat('iri', (text: string) => /^[A-Za-z][A-Za-z0-9+.-]*:/.test(text) && URL.canParse(text));
  ajv.addFormat('local-date-time', (text: string) => isDate.validate(text.slice(0, 10)));
}
