const preloaded = document.querySelector("link[rel=modulepreload]");
const { packed } = preloaded.dataset;
const app = await import(preloaded.href);
const module = await fetch(new URL(`app_bg.wasm${packed ?? ""}`, preloaded.href));
await app.default({ module_or_path: packed ? unpacked(module) : module });
app.wake();
document.documentElement.dataset.alive = "yes";

/** What lies packed by gzip; a host may have called it packed, and the browser has unpacked it then. */
async function unpacked(answer) {
  const bytes = new Uint8Array(await answer.arrayBuffer());
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(plain).arrayBuffer();
}
