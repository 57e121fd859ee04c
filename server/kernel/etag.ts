/** RFC 9110, 13.1.2: a list, `*`, and tags that a compressing proxy has made weak. */
export function isKnown(ifNoneMatch: string | string[] | undefined, etag: string): boolean {
  const tags = String(ifNoneMatch ?? '').split(',');
  return tags.some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, '')));
}
