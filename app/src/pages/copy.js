(() => {
  // Without scripts the links beside the buttons do the same.
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const told = button.parentElement.querySelector("[role=status]");
    const say = (words) => { if (told) told.textContent = words; };
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        const answer = await fetch(button.dataset.copy);
        if (!answer.ok) throw new Error(String(answer.status));
        await navigator.clipboard.writeText(await answer.text());
        say("Copied.");
      } catch {
        say("Could not be copied: open the link and copy it there.");
      }
    });
  }
})();
