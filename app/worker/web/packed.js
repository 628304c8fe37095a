// What lies packed by gzip among plain files: most of their hosts pack nothing themselves.

const { packed = "", flavour } = document.getElementById("demo")?.dataset ?? {};

/** What is added to the names of such files; nothing where a server hands them out. */
export const ending = packed;

/** The only flavour of the module that is there; absent where all are. */
export const onlyFlavour = flavour;

/** Whether this browser can read what lies here. */
export const canUnpack = () => packed === "" || typeof DecompressionStream === "function";

/** The module of a flavour, from where these scripts lie. */
export const moduleOf = (kind) => `${kind}/sayself_worker_bg.wasm${packed}`;

async function bytesOf(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address} answered ${answer.status}`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  // A host may have called it packed, and the browser has unpacked it then.
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(plain).arrayBuffer();
}

/** The module at an address, ready to be run. */
export async function compiled(address) {
  return packed ? WebAssembly.compile(await bytesOf(address)) : WebAssembly.compileStreaming(fetch(address));
}

/** What a JSON file of the demo says. */
export async function jsonAt(folder, name) {
  const address = new URL(name + packed, folder);
  if (!packed) return (await fetch(address)).json();
  return JSON.parse(new TextDecoder().decode(await bytesOf(address)));
}
