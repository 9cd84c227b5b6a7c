// A reload looks like a second tab to the server for a moment: the connection of the page before is still there. This tab
// remembers that it has just left, so that it can wait instead of asking "take over here?".

const key = 'streamcat.left';
const recent = 10_000; // milliseconds

export function noteLeaving(): void {
  try {
    sessionStorage.setItem(key, String(Date.now()));
  } catch {
    // then the question is asked
  }
}

export function leftJustNow(): boolean {
  try {
    const at = Number(sessionStorage.getItem(key));
    return at > 0 && Date.now() - at < recent;
  } catch {
    return false;
  }
}
