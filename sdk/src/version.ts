/** The version of this SDK; the server sees it as the `sdk` parameter of every connection. */
export const VERSION = '0.1.0';
