/** Calls `onFiles` with what is dropped anywhere on the page, the clips of dropped folders too, or is chosen; `zone` shows that something hangs over the page. */
export function takeDrops(zone: HTMLElement, input: HTMLInputElement, onFiles: (files: readonly File[]) => void): void {
  input.addEventListener('change', () => {
    const files = [...(input.files ?? [])];
    input.value = '';
    onFiles(files);
  });
  for (const kind of ['dragenter', 'dragover'])
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      zone.classList.add('over');
    });
  document.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) zone.classList.remove('over');
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    zone.classList.remove('over');
    void droppedFiles(event.dataTransfer).then(onFiles);
  });
}

/** Files that were dropped, and the `.npz` of dropped folders, by their paths. What cannot be read is left out. */
async function droppedFiles(dropped: DataTransfer | null): Promise<File[]> {
  const entries = [...(dropped?.items ?? [])].flatMap((item) => item.webkitGetAsEntry() ?? []);
  if (entries.length === 0) return [...(dropped?.files ?? [])];
  const files = [];
  for (const entry of entries) files.push(...(entry.isDirectory ? await clipsIn(entry) : await fileOf(entry)));
  return files;
}

async function clipsIn(folder: FileSystemEntry): Promise<File[]> {
  const reader = (folder as FileSystemDirectoryEntry).createReader();
  const found: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve) => {
      reader.readEntries(resolve, () => {
        resolve([]);
      });
    });
    if (some.length === 0) break; // A reader gives about a hundred at a time.
    found.push(...some);
  }
  found.sort((one, other) => one.name.localeCompare(other.name, 'en', { numeric: true }));
  const files = [];
  for (const entry of found) {
    if (entry.isDirectory) files.push(...(await clipsIn(entry)));
    else if (/\.npz$/i.test(entry.name)) files.push(...(await fileOf(entry)));
  }
  return files;
}

function fileOf(entry: FileSystemEntry): Promise<File[]> {
  return new Promise((resolve) => {
    (entry as FileSystemFileEntry).file(
      (file) => {
        resolve([file]);
      },
      () => {
        resolve([]);
      },
    );
  });
}
