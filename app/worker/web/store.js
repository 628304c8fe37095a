// Where the browser keeps a file in pieces: its own file system, else its cache, else nothing but memory.
// Names are (SHA-256 of the whole, number of the piece): what is of another file is never read.

const FOLDER = "sayself-demo";
const CACHE = "sayself-demo-pieces";

/** Thrown where the browser has no room. */
export class Full extends Error {}

function told(error) {
  return error?.name === "QuotaExceededError" ? new Full(error.message) : error;
}

/** In the origin's private file system: a folder for each file, a file for each piece. */
async function openFiles() {
  const root = await navigator.storage.getDirectory();
  if (!("createWritable" in FileSystemFileHandle.prototype)) throw new Error("files cannot be written here");
  // Nothing is made before something is kept, so that nothing is left where all was removed.
  const folder = (create) => root.getDirectoryHandle(FOLDER, { create });
  const of = async (sha256, create) => (await folder(create)).getDirectoryHandle(sha256, { create });
  const drop = async (name) => (await folder(false)).removeEntry(name, { recursive: true });
  return {
    keeps: true,
    async read(sha256, piece) {
      try {
        const handle = await (await of(sha256, false)).getFileHandle(String(piece));
        return await handle.getFile();
      } catch {
        return null;
      }
    },
    async write(sha256, piece, blob) {
      const handle = await (await of(sha256, true)).getFileHandle(String(piece), { create: true });
      const out = await handle.createWritable();
      try {
        await out.write(blob);
        // What is written counts once it is closed: a tab that dies leaves no half a piece.
        await out.close();
      } catch (error) {
        await out.abort().catch(() => {});
        throw told(error);
      }
    },
    async forget(sha256) {
      await drop(sha256).catch(() => {});
    },
    async forgetOthers(kept) {
      for await (const name of (await folder(true)).keys()) {
        if (!kept.includes(name)) await drop(name).catch(() => {});
      }
    },
    async remove() {
      await root.removeEntry(FOLDER, { recursive: true }).catch(() => {});
    },
  };
}

/** In the cache that is meant for answers of the server. */
async function openCache() {
  const cache = await caches.open(CACHE);
  const address = (sha256, piece) => new URL(`piece/${sha256}/${piece}`, location.origin).href;
  const forget = async (isGone) => {
    for (const request of await cache.keys()) {
      if (isGone(request.url.split("/").at(-2))) await cache.delete(request);
    }
  };
  return {
    keeps: true,
    async read(sha256, piece) {
      const answer = await cache.match(address(sha256, piece));
      return answer ? await answer.blob() : null;
    },
    async write(sha256, piece, blob) {
      try {
        await cache.put(address(sha256, piece), new Response(blob));
      } catch (error) {
        throw told(error);
      }
    },
    forget: (sha256) => forget((of) => of === sha256),
    forgetOthers: (kept) => forget((of) => !kept.includes(of)),
    remove: () => caches.delete(CACHE),
  };
}

/** In memory, for this visit alone. */
export function openMemory() {
  const kept = new Map();
  return {
    keeps: false,
    read: async (sha256, piece) => kept.get(`${sha256}/${piece}`) ?? null,
    write: async (sha256, piece, blob) => void kept.set(`${sha256}/${piece}`, blob),
    forget: async (sha256) => {
      for (const name of [...kept.keys()]) if (name.startsWith(`${sha256}/`)) kept.delete(name);
    },
    forgetOthers: async () => {},
    remove: async () => kept.clear(),
  };
}

/** The best that this browser has. */
export async function openStore() {
  for (const open of [openFiles, openCache]) {
    try {
      return await open();
    } catch {
      // The next one.
    }
  }
  return openMemory();
}
