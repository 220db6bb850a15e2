import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PersonalSpan } from '#domain/personal.ts';
import { createRulesExtractor, MAX_TEXT_UNITS } from '../extractor.ts';

const { personal } = createRulesExtractor();
const context = { now: Date.UTC(2026, 10, 2, 10), timeZone: 'Europe/Berlin', region: 'DE' };

/** `{kind:words}` marks what is to be tagged. Order numbers, dates, prices, versions and sizes are not. */
const labelled: Record<string, string[]> = {
  en: [
    'Please write to {email:jane.doe@example.com} about order 4711-2026.',
    'My name is {name:Jane Doe} and my parcel is late.',
    'Call me at {phone:+44 20 7946 0958} after 5 pm.',
    'Order no. 4111 1111 1111 1111 has not arrived since 2026-11-02.',
    'I paid with my card {card:4111 1111 1111 1111} on 11/02/2026.',
    'Refund to {iban:GB29 NWBK 6016 1331 9268 19}, please: 1,299.00 EUR.',
    'Where is my parcel?\n\nKind regards,\n{name:Jane Doe}',
    'It broke after 12 days. Thanks,\n{name:Tom}',
    'Dear Mr {name:Smith},\nyour shop sent the wrong size, 42.',
    'Hello Support Team,\nversion 10.4.2.1 crashes on Windows 11.',
    'Tracking number 00340434161094042557 shows nothing.',
    'The price went from 1,299,000 to 1,499,000 in 2025.',
    'Invoice INV-2026-000123 of 02.11.2026 lists 3 items at 49.99 each.',
    'I am {name:Robert Baker}; my mobile is {phone:0171 2345678}.',
  ],
  de: [
    'Ich heiße {name:Petra Schneider} und warte auf Bestellung 20261102.',
    'Bitte rufen Sie mich an: {phone:+49 30 1234567}.',
    'Meine Telefonnummer: {phone:030 1234567}, ab 18:00 Uhr.',
    'Überweisung bitte auf {iban:DE89 3704 0044 0532 0130 00}.',
    'Die Rechnung 2026-10-0815 vom 2.11.2026 über 1.299,00 € ist falsch.',
    'Sehr geehrte Damen und Herren,\ndas Paket ist da.\nMit freundlichen Grüßen\n{name:Hans Müller}',
    'Hallo Frau {name:Weber}, danke für die schnelle Antwort.',
    'Kundennummer 123456789, Artikel 4006381333931, Größe 42.',
    'Seit Version 2.10.3 geht nichts mehr, PLZ 10115 Berlin.',
    'Schreiben Sie an {email:p.schneider@beispiel.de} oder {email:info@beispiel.de}.',
  ],
  fr: [
    "Je m'appelle {name:Marie Dupont}, commande 784512369.",
    'Mon adresse est {email:marie@exemple.fr}, merci.',
    'Appelez-moi au {phone:+33 1 23 45 67 89} demain.',
    'Mon IBAN : {iban:FR14 2004 1010 0505 0001 3M02 606}.',
    'La facture no 2026-114 du 02/11/2026 est de 1 299,00 €.',
    'Le colis est perdu.\nCordialement,\n{name:Luc Martin}',
    'Bonjour Madame {name:Lefèvre},\nle produit est cassé.',
    'Bonjour,\nle suivi 6A12345678901 ne marche pas.',
    'La version 3.2.1 ne démarre pas depuis 2025.',
    'Ma carte {card:5555 5555 5555 4444} a été débitée deux fois.',
  ],
  es: [
    'Me llamo {name:Ana García} y mi pedido 456789123 no llega.',
    'Mi correo es {email:ana@ejemplo.es}.',
    'Llámame al {phone:+34 612 345 678} por la tarde.',
    'Devuelvan 49,99 € a {iban:ES91 2100 0418 4502 0005 1332}.',
    'La factura 2026/1102 del 02/11/2026 suma 1.299,00 €.',
    'El paquete llegó roto.\nSaludos,\n{name:Carlos Ruiz}',
    'Estimado señor {name:López}:\nquiero cambiar la talla 42.',
    'Hola equipo,\nla versión 5.0.12 falla.',
    'El código de barras es 8412345678905.',
    'Mi teléfono es {phone:+34 911 234 567}, gracias.',
  ],
  it: [
    'Mi chiamo {name:Giulia Rossi}, ordine 987654321.',
    'Scrivetemi a {email:giulia.rossi@esempio.it}.',
    'Il mio IBAN è {iban:IT60 X054 2811 1010 0000 0123 456}.',
    'Telefono: {phone:+39 06 1234 5678}, grazie.',
    'La fattura 2026-0042 del 2/11/2026 è di 1.299,00 €.',
    'Il pacco è arrivato aperto.\nCordiali saluti,\n{name:Marco Bianchi}',
    'Gentile signora {name:Conti},\nvorrei un rimborso di 20 €.',
    'La versione 1.2.3.4 non parte dal 2024.',
  ],
  nl: [
    'Mijn naam is {name:Jan de Vries}, bestelling 123123123.',
    'Mail mij op {email:jan@voorbeeld.nl}.',
    'Bel me op {phone:+31 20 123 4567} na 18.00 uur.',
    'Mijn rekening is {iban:NL91 ABNA 0417 1643 00}.',
    'De factuur van 2-11-2026 is 1.299,00 euro.',
    'Het pakket is kapot.\nMet vriendelijke groet,\n{name:Sanne Bakker}',
    'Geachte mevrouw {name:Visser},\nmaat 42 is te klein.',
    'Sinds versie 4.5.6 werkt het niet, code 7394028173.',
  ],
};

function parse(marked: string): { text: string; spans: PersonalSpan[] } {
  const spans: PersonalSpan[] = [];
  let text = '';
  for (const part of marked.split(/(\{\w+:[^}]+\})/)) {
    const [, kind, words] = /^\{(\w+):([^}]+)\}$/.exec(part) ?? [];
    if (words !== undefined)
      spans.push({ kind: kind as PersonalSpan['kind'], start: text.length, end: text.length + words.length });
    text += words ?? part;
  }
  return { text, spans };
}

test('personal data is found, and order numbers, dates, prices and versions are not taken for it', (t) => {
  const sentences = Object.values(labelled).flat();
  assert.ok(sentences.length >= 60 && Object.keys(labelled).length >= 6);
  let [right, tagged, wanted] = [0, 0, 0];
  for (const marked of sentences) {
    const { text, spans } = parse(marked);
    const found = personal(text, context);
    const key = ({ kind, start, end }: PersonalSpan) => `${kind} ${text.slice(start, end)}@${start}`;
    const expected = new Set(spans.map(key));
    for (const span of found)
      if (!expected.has(key(span))) t.diagnostic(`wrong: ${key(span)} in ${JSON.stringify(text)}`);
    for (const span of expected)
      if (!found.map(key).includes(span)) t.diagnostic(`missed: ${span} in ${JSON.stringify(text)}`);
    right += found.filter((span) => expected.has(key(span))).length;
    tagged += found.length;
    wanted += spans.length;
  }
  t.diagnostic(`${right} of ${tagged} tags right, ${wanted} wanted, in ${sentences.length} sentences`);
  assert.ok(right / tagged >= 0.95, `precision ${right / tagged}`);
  assert.ok(right / wanted >= 0.95, `recall ${right / wanted}`);
});

test('spans are in order, overlap nowhere and stand in the text', () => {
  const text = Object.values(labelled)
    .flat()
    .map((marked) => parse(marked).text)
    .join('\n\n');
  let before = 0;
  for (const { start, end } of personal(text, context)) {
    assert.ok(start >= before && end > start && end <= text.length);
    before = end;
  }
  assert.ok(before > 0);
});

test('an account number with a wrong check digit and a card number with one are none', () => {
  for (const text of [
    'DE89 3704 0044 0532 0130 01',
    'card 4111 1111 1111 1112',
    'card 0000 0000 0000 0000',
    'XX89 3704 0044 0532 0130 00',
  ])
    assert.deepEqual(personal(text, { ...context, region: undefined }), [], text);
});

test('a full name that was introduced is found wherever it stands again', () => {
  const text = 'Jane Doe ordered it. My name is Jane Doe, not Jane Doeling.';
  assert.deepEqual(
    personal(text, context).map(({ start, end }) => [start, text.slice(start, end)]),
    [
      [0, 'Jane Doe'],
      [32, 'Jane Doe'],
    ],
  );
});

test('what stands behind the part that is read is tagged as unread', () => {
  const text = `${'a '.repeat(MAX_TEXT_UNITS / 2)}jane@example.com`;
  assert.deepEqual(personal(text, context), [{ kind: 'unread', start: MAX_TEXT_UNITS, end: text.length }]);
});

test('a long text of anything is read in bounded time', () => {
  for (const piece of [
    'Regards,\n',
    'Mr ',
    '4111 ',
    'Dear Jane ',
    'tel ',
    'A',
    'Jane-',
    '\n\t',
    '\t',
    'Regards\n \t',
    'Dr. ',
    '1 ',
    'tel +',
    'a@',
    'My name is Jane Doe ',
  ]) {
    const from = performance.now();
    personal(piece.repeat(Math.ceil(MAX_TEXT_UNITS / piece.length)), context);
    assert.ok(performance.now() - from < 3000, piece);
  }
});
