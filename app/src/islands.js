const app = await import("/assets/app.js");
await app.default({ module_or_path: "/assets/app_bg.wasm" });
app.hydrate();
for (const island of document.querySelectorAll("leptos-island")) app[island.dataset.component]?.(island);
document.documentElement.dataset.alive = "yes";
