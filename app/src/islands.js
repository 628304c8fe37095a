const app = await import("/assets/app.js");
await app.default({ module_or_path: "/assets/app_bg.wasm" });
app.wake();
document.documentElement.dataset.alive = "yes";
