const script = document.querySelector("link[rel=modulepreload]").href;
const app = await import(script);
await app.default({ module_or_path: new URL("app_bg.wasm", script) });
app.wake();
document.documentElement.dataset.alive = "yes";
