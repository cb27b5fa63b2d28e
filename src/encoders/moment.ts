const pattern =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?:\s*(?:(Z|UTC)|([+-])(\d\d):?(\d\d)))?)?$/;

/**
 * The milliseconds since 1970 that a text says (ISO 8601: a date, or date and time, and perhaps a zone; without one it is UTC
 * everywhere, unlike in `Date.parse`); undefined if it says no moment.
 */
export function momentOf(text: string): number | undefined {
  const found = pattern.exec(text.trim());
  if (!found) return undefined;
  const [year, month, day, hour = 0, minute = 0, second = 0] = found.slice(1, 7).map(part => Number(part ?? 0));
  const [zoneHour, zoneMinute] = [Number(found[10] ?? 0), Number(found[11] ?? 0)];
  if (hour > 23 || minute > 59 || second > 60 || zoneHour > 23 || zoneMinute > 59) return undefined;
  const milliseconds = found[7] === undefined ? 0 : Number(`0.${found[7]}`) * 1000;
  const zone = (found[9] === '-' ? -1 : 1) * (60 * zoneHour + zoneMinute);
  const whole = new Date(0);
  // `Date.UTC` takes the years up to 99 for those after 1900.
  whole.setUTCFullYear(year, month - 1, day);
  // A day that the month does not have would be one of the next.
  if (whole.getUTCMonth() !== month - 1 || whole.getUTCDate() !== day) return undefined;
  return whole.setUTCHours(hour, minute - zone, second) + milliseconds;
}
