// What was rated while the server was away is sent from here too; what was refused is decided on the page
// of its project.
const said = document.getElementById("saved");
const tell = async () => {
  const [count, entries] = [await outbox.count(), await outbox.all()];
  const refused = entries.filter((entry) => entry.refused);
  said.textContent = outboxWords(count);
  for (const project of new Set(refused.map((entry) => entry.project))) {
    const link = document.createElement("a");
    link.href = `/annotate/${encodeURIComponent(project)}/work`;
    link.textContent = "Decide";
    said.append(" ", link);
  }
};
outbox.start({ changed: tell, saved: tell, refused: tell });
tell();
