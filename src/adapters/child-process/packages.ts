/** Whether Node finds a package of that name from here; nothing of it is loaded. */
export function isInstalled(name: string): boolean {
  try {
    import.meta.resolve(name);
    return true;
  } catch {
    return false;
  }
}

export const notInstalled = (name: string): string =>
  `${name} is not installed here: an image that was built with AI=none runs no model`;
