// What was rated while the server was away is sent from here too.
const said = document.getElementById("saved");
const tell = async () => { said.textContent = outboxWords(await outbox.count()); };
outbox.start({ changed: tell, saved: tell, refused: tell });
tell();
