/**
 * Whether the text names several versions rather than one: `^1.2.3`, `~1.2`, `>=1`, `1.x`, `1.*`, `*`, `1 - 2`, `1 || 2`.
 */
export function isVersionRange(version: string): boolean {
  const text = version.trim();
  return (
    /^[\^~<>=]/.test(text) ||
    text.includes("||") ||
    /\s-\s/.test(text) ||
    /^[vV]?(?:\d+\.)*[xX*](?:\.[\dxX*]+)*$/.test(text)
  );
}
