/** At most so many characters of a text that a producer chose the length of. Never half a surrogate pair. */
export function briefly(text: string, most = 120): string {
  return text.length > most ? `${text.slice(0, most).replace(/[\uD800-\uDBFF]$/, '')}…` : text;
}
