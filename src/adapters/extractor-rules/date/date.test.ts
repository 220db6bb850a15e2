import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { createRulesExtractor } from '../extractor.ts';
import { createWallClock, isDay, monthlessDays, yearlessDays } from './calendar.ts';

const extractor = createRulesExtractor();
/** Wednesday, 4 March 2026, 11:00 in Berlin. */
const context = { now: Date.UTC(2026, 2, 4, 10), timeZone: 'Europe/Berlin' };
const zone = process.env.TZ;
afterEach(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

function read(text: string, language?: string, more: object = {}, name = 'day'): string | undefined {
  return extractor.extract(text, [{ name, type: 'date' }], { ...context, language, ...more })[name]?.value;
}

test('a date in digits is read by language and region', () => {
  const scenarios: [string, string | undefined, string | undefined, string | undefined][] = [
    ['2026-03-12', 'en', undefined, '2026-03-12'],
    ['2026/3/12', 'en', undefined, '2026-03-12'],
    ['2026-03-12T10:30:00Z', 'en', undefined, '2026-03-12'],
    ['12.03.2026', 'de', undefined, '2026-03-12'],
    ['Freitag, 13.03.2026', 'de', undefined, '2026-03-13'],
    ['12.3.26', 'de', undefined, '2026-03-12'],
    ['am 5.4.', 'de', undefined, '2026-04-05'],
    ['am 3.2.', 'de', undefined, '2027-02-03'],
    ['03/04/2026', 'en', undefined, '2026-03-04'],
    ['03/04/2026', 'en', 'GB', '2026-04-03'],
    ['03/04/2026', 'fr', undefined, '2026-04-03'],
    ['25/12/2026', 'en', 'US', '2026-12-25'],
    ['on 03/05', 'en', undefined, '2026-03-05'],
    ['le 03/05', 'fr', undefined, '2026-05-03'],
    ['born 1/2/85', 'en', 'US', '1985-01-02'],
    ['2026-02-30', 'en', undefined, undefined],
    ['31.04.2026', 'de', undefined, undefined],
    ['1.2.3', 'en', undefined, undefined],
    ['version 1.2.2026', 'en', undefined, undefined],
    ['3/4 of the cake', 'en', undefined, undefined],
    ['we rate it 4/5', 'en', undefined, undefined],
    ['192.168.10.12', 'en', undefined, undefined],
    ['order 2026-03-12-77', 'en', undefined, undefined],
  ];
  for (const [text, language, region, value] of scenarios)
    assert.equal(read(text, language, { region }), value, `${text} ${language} ${region}`);
});

test('a date in words is relative to now and looks forward', () => {
  const scenarios: [string, string | undefined, string | undefined][] = [
    ['tomorrow', 'en', '2026-03-05'],
    ['tonight', 'en', '2026-03-04'],
    ['the day after tomorrow', 'en', '2026-03-06'],
    ['next Friday', 'en', '2026-03-13'],
    ['on Friday', 'en', '2026-03-06'],
    ['last Friday', 'en', '2026-02-27'],
    ['Tuesday next week', 'en', '2026-03-10'],
    ['August 23rd', 'en', '2026-08-23'],
    ['1st of March', 'en', '2027-03-01'],
    ['Dec 24', 'en', '2026-12-24'],
    ['3rd April 2019 at 18:00', undefined, '2019-04-03'],
    ['in two weeks', 'en', '2026-03-18'],
    ['3 days ago', 'en', '2026-03-01'],
    ['the 18th', 'en', '2026-03-18'],
    ['the 3rd', 'en', '2026-04-03'],
    ['the 30th of this month', 'en', '2026-03-30'],
    ['the 5th of next month', 'en', '2026-04-05'],
    ['übermorgen', 'de', '2026-03-06'],
    ['nächsten Freitag um 19 Uhr', 'de', '2026-03-13'],
    ['nächste Woche Dienstag', 'de', '2026-03-10'],
    ['12. März', 'de', '2026-03-12'],
    ['am 18. bitte', 'de', '2026-03-18'],
    ['in 3 Tagen', 'de', '2026-03-07'],
    ['demain', undefined, '2026-03-05'],
    ['après-demain', 'fr', '2026-03-06'],
    ['le 1er avril', 'fr', '2026-04-01'],
    ['vendredi prochain', 'fr', '2026-03-13'],
    ['pasado mañana', 'es', '2026-03-06'],
    ['15 de agosto', 'es', '2026-08-15'],
    ['sexta-feira', 'pt', '2026-03-06'],
    ['overmorgen', 'nl', '2026-03-06'],
    ['dopodomani', 'it', '2026-03-06'],
    ['12 марта', 'ru', '2026-03-12'],
    ['3 May, 10 May', 'en', '2026-05-03'],
    ['3 May, 10 people', 'en', '2026-05-03'],
    ['on May 3, 10 of us', 'en', '2026-05-03'],
    ['May 3, 2027', 'en', '2027-05-03'],
    ['Saturday week', 'en', '2026-03-14'],
    ['Samstag in acht Tagen', 'de', '2026-03-14'],
    ['a week ago', 'en', '2026-02-25'],
    ['vor 3 Wochen', 'de', '2026-02-11'],
    ['dans 3 jours', 'fr', '2026-03-07'],
    ['dentro de 3 días', 'es', '2026-03-07'],
    ['(Okonkwo, Saturday)', 'en', '2026-03-07'],
  ];
  for (const [text, language, value] of scenarios) assert.equal(read(text, language), value, `${text} ${language}`);
});

test('words that only look like a date are none', () => {
  const scenarios: [string, string][] = [
    ['I may come', 'en'],
    ['you may 5 try', 'en'],
    ['2 may be enough', 'en'],
    ['the sun is out', 'en'],
    ['would it be fine if we sat outdoors', 'en'],
    ['march on', 'en'],
    ['now', 'en'],
    ['next week', 'en'],
    ['in May', 'en'],
    ['the 18th floor', 'en'],
    ['our 25th anniversary', 'en'],
    ['wait a minute', 'en'],
    ['a few days ago', 'en'],
    ['guten Morgen', 'de'],
    ['por la mañana', 'es'],
    ['le 3 pièces', 'fr'],
    ['may the 3 of us come', 'en'],
    ['I want 4 mar bars', 'en'],
    ['how are you today?', 'en'],
    ['some Sunday in September', 'en'],
    ['do you open on a Saturday', 'en'],
    ['every Friday', 'en'],
    ['jeden Freitag', 'de'],
    ['how much is the Sunday roast', 'en'],
    ['Wäre ein Samstag denkbar?', 'de'],
    ['ab nächster Woche', 'de'],
    ['I am 18. I live here', 'en'],
    ['Morgen, ich habe eine Frage', 'de'],
  ];
  for (const [text, language] of scenarios) assert.equal(read(text, language), undefined, `${text} ${language}`);
});

test('a duration or a period is no day', () => {
  const scenarios: [string, string][] = [
    ['nothing has moved for nine days', 'en'],
    ['broken since 3 weeks', 'en'],
    ['every 2 days', 'en'],
    ['after two weeks still nothing', 'en'],
    ['the last three days', 'en'],
    ['my next day off', 'en'],
    ['10k followers in a week', 'en'],
    ['twice in a week', 'en'],
    ['delivered in 2 days', 'en'],
    ['ships in 24 h', 'en'],
    ['we are open 24/7', 'en'],
    ['24/7', 'en'],
    ['Ich wohne seit 31 Jahren in der Stadt', 'de'],
    ['alle 2 Tage', 'de'],
    ['innerhalb von 14 Tagen', 'de'],
    ['hatte in drei Minuten alles gelöst', 'de'],
    ['deux fois en une semaine', 'fr'],
    ['durante 3 días', 'es'],
    ['cada 2 semanas', 'es'],
  ];
  for (const [text, language] of scenarios) assert.equal(read(text, language), undefined, text);
});

test('a word for a day counts in its own language only, given or detected', () => {
  const scenarios: [string, string | undefined, string | undefined][] = [
    ['hier', 'fr', '2026-03-03'],
    ['nous sommes venus hier soir', undefined, '2026-03-03'],
    ['Ich wohne seit 31 Jahren hier!!!', undefined, undefined],
    ['Ich wohne hier', 'de', undefined],
    ['hier', undefined, undefined],
    ['ayer', 'es', '2026-03-03'],
    ['ayer', 'fr', undefined],
    ['morgen', 'de', '2026-03-05'],
    ['morgen', 'fr', undefined],
    ['hoy', 'en', undefined],
    ['am 18.', 'fr', undefined],
    // English short enough to be taken for another language.
    ['dinner for 4 on Friday', 'no', '2026-03-06'],
    ['Thu, August 6', 'vi', '2026-08-06'],
  ];
  for (const [text, language, value] of scenarios) assert.equal(read(text, language), value, `${text} ${language}`);
});

test('an order of day and month that nothing tells is not guessed', () => {
  assert.equal(read('4/5'), undefined);
  assert.equal(read('03/04/2026'), undefined);
  assert.equal(read('25/12/2026'), '2026-12-25');
  assert.equal(read('4/5', undefined, { region: 'GB' }), '2026-05-04');
  assert.equal(read('I would rate the 4/5', 'en'), undefined);
});

test('a weekday or a day without a year is read backwards where the sentence tells what has happened', () => {
  const scenarios: [string, string, string][] = [
    ['I ordered on Monday', 'en', '2026-03-02'],
    ['the engineer who came on Saturday', 'en', '2026-02-28'],
    ['in the fridge since Monday', 'en', '2026-03-02'],
    ['I bought it on 3 August', 'en', '2025-08-03'],
    ['Ich habe am Montag bestellt', 'de', '2026-03-02'],
    ["J'ai commandé lundi", 'fr', '2026-03-02'],
    ['I want to come on Monday', 'en', '2026-03-09'],
    ['we have booked for Monday', 'en', '2026-03-09'],
    ['Kann es am Montag geliefert werden?', 'de', '2026-03-09'],
  ];
  for (const [text, language, value] of scenarios) assert.equal(read(text, language), value, text);
});

test('a field about the past reads a date without a year backwards', () => {
  assert.equal(read('it was 3 August', 'en', {}, 'purchase_date'), '2025-08-03');
  assert.equal(read('on Friday', 'en', {}, 'incidentDate'), '2026-02-27');
  assert.equal(read('it was 3 August', 'en'), '2026-08-03');
});

test('today is that of the time zone, whatever the zone of the machine', () => {
  const late = { now: Date.UTC(2026, 2, 4, 23, 30) };
  for (const machine of ['UTC', 'Asia/Tokyo', 'America/Los_Angeles']) {
    process.env.TZ = machine;
    assert.equal(read('tomorrow', 'en', { ...late, timeZone: 'Europe/Berlin' }), '2026-03-06', machine);
    assert.equal(read('tomorrow', 'en', { ...late, timeZone: 'America/New_York' }), '2026-03-05', machine);
    assert.equal(read('in 3 days', 'en', { ...late, timeZone: 'Asia/Tokyo' }), '2026-03-08', machine);
    assert.equal(read('next Friday', 'en', { ...late, timeZone: 'Asia/Tokyo' }), '2026-03-13', machine);
    assert.equal(read('tomorrow', 'en', { ...late, timeZone: 'Nowhere/Else' }), '2026-03-05', machine);
  }
});

test('the wall clock knows summer time and half-hour zones', () => {
  const clock = createWallClock();
  assert.equal(clock(Date.UTC(2026, 6, 1, 22, 30), 'Europe/Berlin').offsetMinutes, 120);
  assert.equal(clock(Date.UTC(2026, 0, 1, 12), 'Asia/Kolkata').offsetMinutes, 330);
  assert.deepEqual(clock(Date.UTC(2026, 0, 1, 23, 30), 'Europe/Berlin'), {
    year: 2026,
    month: 1,
    day: 2,
    hour: 0,
    minute: 30,
    offsetMinutes: 60,
  });
});

test('days that exist only in some months or years are the next that exist', () => {
  const today = { year: 2026, month: 3, day: 4 };
  assert.deepEqual(yearlessDays(2, 29, today), { value: '2028-02-29', past: '2024-02-29' });
  assert.deepEqual(monthlessDays(31, { year: 2026, month: 4, day: 1 }), { value: '2026-05-31', past: '2026-03-31' });
  assert.equal(yearlessDays(4, 31, today), undefined);
  assert.equal(isDay({ year: 2026, month: 2, day: 29 }), false);
});
