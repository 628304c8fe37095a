{
  // Without scripts the page says what it is; without its module there is a word of what to do instead.
  const demo = document.getElementById("demo");
  try {
    // What is kept is not offered, not even for a moment.
    if (localStorage.getItem("sayself-demo") === "kept") document.getElementById("model").hidden = true;
  } catch {
    // A browser that keeps nothing offers it each time.
  }
  import(new URL(demo.dataset.page, document.baseURI))
    .then((page) => page.start())
    .catch(() => {
      document.getElementById("demo-fallback").hidden = false;
    });
}
