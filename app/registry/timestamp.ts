const pattern = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))$/i;

/**
 * The moment that an RFC 3339 text names, in UTC and with six fractional digits (`2025-10-09T17:05:17.793149Z`), so that
 * text order is time order; undefined when it is not one, or not within the years 1 to 9999. More than six digits are
 * cut off, never rounded up: PostgreSQL keeps six.
 */
export function parseTimestamp(text: string): string | undefined {
  const match = pattern.exec(text);
  if (match === null || text.length > 64) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const offsetHours = Number(match[9] ?? 0);
  const offsetMinutes = Number(match[10] ?? 0);
  const secondFits = second <= 59 || (second === 60 && minute === 59); // a leap second counts as the next one
  if (hour > 23 || minute > 59 || !secondFits || offsetHours > 23 || offsetMinutes > 59) return undefined;

  // Not Date.UTC, which takes the years 0 to 99 for 1900 to 1999.
  const moment = new Date(0);
  moment.setUTCFullYear(year, month - 1, day);
  if (moment.getUTCMonth() !== month - 1 || moment.getUTCDate() !== day) return undefined;
  const offset = (offsetHours * 60 + offsetMinutes) * (match[8] === "-" ? -1 : 1);
  moment.setUTCHours(hour, minute - offset, second);
  if (moment.getUTCFullYear() < 1 || moment.getUTCFullYear() > 9999) return undefined;

  const fraction = (match[7] ?? "").slice(0, 6).padEnd(6, "0");
  return `${moment.toISOString().slice(0, 19)}.${fraction}Z`;
}
