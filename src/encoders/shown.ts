/** A setting as a message shows it, cut short. */
export function shown(found: unknown): string {
  try {
    const text = JSON.stringify(found) ?? String(found);
    return text.length > 80 ? `${text.slice(0, 80)}…` : text;
  } catch {
    return 'what is no plain data, or too deep';
  }
}
