{
  // Without scripts there is no form; without its module there is a word of what to do instead.
  const form = document.getElementById("file-form");
  form.hidden = false;
  import(new URL(document.getElementById("your-file").dataset.page, document.baseURI))
    .then((page) => page.start())
    .catch(() => {
      form.hidden = true;
      document.getElementById("file-fallback").hidden = false;
    });
}
