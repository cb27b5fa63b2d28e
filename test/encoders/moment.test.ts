import test from 'ava';
import fc from 'fast-check';
import { momentOf } from '../../src/encoders/moment.js';

test('a moment is the milliseconds since 1970, with or without seconds and a zone', t => {
  const said: Record<string, number> = {
    '1970-01-01': 0,
    '2014-07-01 00:30:00': 1_404_174_600_000,
    '2014-07-01T00:30': 1_404_174_600_000,
    '2014-07-01T02:30:00+02:00': 1_404_174_600_000,
    '2014-06-30T19:00:00.250-0530': 1_404_174_600_250,
    ' 1969-12-31T23:59:59,5Z ': -500,
    '2024-02-29': 1_709_164_800_000,
    '0050-01-01': Date.parse('0050-01-01T00:00:00Z'),
  };
  for (const [text, moment] of Object.entries(said)) t.is(momentOf(text), moment, text);
});

test('every moment that JavaScript writes is read back', t => {
  fc.assert(
    fc.property(fc.date({ min: new Date('0000-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }), date => {
      t.is(momentOf(date.toISOString()), date.getTime());
    }),
  );
});

test('what is no moment is none', t => {
  const noDates = ['', 'today', '2024', '01/02/2024', '12:00', '2024-13-01', '2024-00-01', '2024-02-31', '2023-02-29'];
  const noTimes = ['2024-01-01 24:00', '2024-01-01T12', '2024-01-01T12:00+99:99', '2024-01-01T12:00+02:60'];
  for (const text of [...noDates, ...noTimes]) t.is(momentOf(text), undefined, text);
});
