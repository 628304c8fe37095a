const script = document.querySelector("link[rel=modulepreload]").href;
const app = await import(script);
const module = await fetch(new URL("app_bg.wasm", script));
// Not every host of plain files knows what a module is.
const isKnown = module.headers.get("content-type") === "application/wasm";
await app.default({ module_or_path: isKnown ? module : module.arrayBuffer() });
app.wake();
document.documentElement.dataset.alive = "yes";
