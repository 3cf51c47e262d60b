/** Also null for an empty string, with which Wix says that there is no value. */
export const stringOrNull = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value : null
