(() => {
  // Charts as pictures: the SVG file, drawn at twice its size.
  const draw = async (button) => {
    const picture = new Image();
    picture.src = button.closest(".downloads").querySelector("a.svg").href;
    await picture.decode();
    const canvas = document.createElement("canvas");
    canvas.width = 2 * picture.naturalWidth;
    canvas.height = 2 * picture.naturalHeight;
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${button.dataset.picture}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
  addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll("button[data-picture]")) button.hidden = false;
  });
  addEventListener("click", (event) => {
    const button = event.target.closest?.("button[data-picture]");
    if (!button) return;
    button.disabled = true;
    draw(button)
      .catch(() => { button.textContent = "PNG failed: take the SVG"; })
      .finally(() => { button.disabled = false; });
  });
  // A form sends what was chosen since the page was drawn, and nothing that was taken back.
  addEventListener("formdata", ({ target, formData }) => {
    if (!target.matches("form.keeps")) return;
    const chosen = new URLSearchParams(location.search);
    for (const name of ["diagram", "bins", "above"]) {
      if (target.querySelector(`[type=range][name=${name}]`)) continue;
      formData.delete(name);
      for (const value of chosen.getAll(name)) formData.set(name, value);
    }
  });
})();
