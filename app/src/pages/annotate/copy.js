(() => {
  // Without scripts the words can be selected.
  for (const button of document.querySelectorAll("button[data-copy-text]")) {
    const told = button.parentElement.querySelector("[role=status]");
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(document.getElementById(button.dataset.copyText).textContent);
        told.textContent = "Copied.";
      } catch {
        told.textContent = "Could not be copied: select it and copy it.";
      }
    });
  }
})();
