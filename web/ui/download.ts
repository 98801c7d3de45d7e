const KEEP_MS = 60_000

/** Hands a file to the browser's downloads. */
export function saveFile(name: string, file: Blob): void {
  const url = URL.createObjectURL(file)
  const link = Object.assign(document.createElement('a'), { href: url, download: name })
  document.body.append(link)
  link.click()
  link.remove()
  // The download reads the address after the click has returned.
  setTimeout(() => URL.revokeObjectURL(url), KEEP_MS)
}
