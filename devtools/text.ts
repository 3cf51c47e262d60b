/** What a file says: in UTF-8, or in UTF-16 as `>` of PowerShell writes it, in both cases with or without a byte order mark. */
export function textOf(bytes: Buffer): string {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf16le' : 'utf8'
  return bytes.toString(encoding).replace(/^\uFEFF/, '')
}
