/** What was dropped: the files, and the names of folders, which a browser gives as a file of no use. */
export interface Dropped {
  readonly files: readonly File[]
  readonly folders: readonly string[]
}

/** Only while the event is handled: the browser takes it away then. */
export function droppedIn({ items }: Pick<DataTransfer, 'items'>): Dropped {
  const files: File[] = []
  const folders: string[] = []
  for (const item of items) {
    const entry = item.webkitGetAsEntry?.()
    const file = item.getAsFile()
    if (entry?.isDirectory) folders.push(entry.name)
    else if (file) files.push(file)
  }
  return { files, folders }
}
