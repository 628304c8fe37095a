// How ratings stand, in words; and what the server did not take, until the person has decided.

const status = element("saved");
/** Words that are shown until the next thing happens. */
let aside = "";
let hasSaved = status.textContent !== "";

const tellStanding = async () => {
  const count = await outbox.count(data.project);
  let words = outboxWords(count);
  if (words === "" && hasSaved) words = "Saved.";
  if (data.preview) words = "";
  const whole = [aside, words].filter(Boolean).join(" ");
  if (status.dataset.words === whole) return;
  status.dataset.words = whole;
  status.textContent = whole;
  if (count.isSignedOut && count.waiting > 0) {
    const link = document.createElement("a");
    link.href = `/sign-in?back=${encodeURIComponent(data.page)}`;
    link.textContent = "Sign in";
    status.append(" ", link);
  }
};
const sayAside = (words) => { aside = words; tellStanding(); };

/** What the server did not take stays until the person has decided. */
const showRefused = async () => {
  const section = element("refused");
  const entries = (await outbox.all(data.project)).filter(({ refused }) => refused);
  const rows = entries.map((entry) => {
    const { refused, request } = entry;
    const said = wordsOf(request);
    const row = document.createElement("li");
    const line = (words) => {
      const paragraph = document.createElement("p");
      paragraph.textContent = words;
      row.append(paragraph);
    };
    const button = (words, act) => {
      const one = document.createElement("button");
      one.type = "button";
      one.textContent = words;
      one.addEventListener("click", async () => {
        one.disabled = true;
        await act();
        await showRefused();
        tellStanding();
      });
      row.lastChild.append(one, " ");
    };
    const before = refused.kept;
    if (before) {
      line(`This item was rated before, in another tab or on another device. There: ${wordsOf(before)} Here, later: ${said}`);
      line("");
      button("Keep what is saved", () => outbox.forget(entry));
      button("Replace it by what was said here", async () => {
        await outbox.put(entry.api, entry.project, { ...request, revision: before.revision + 1 });
        await outbox.forget(entry);
      });
    } else {
      line(`${said} ${foreign(`${refused.detail ?? `The server answered ${refused.status}.`} ${refused.next ?? ""}`)}`);
      line("");
      button("Send it again", () => outbox.again(entry));
      button("Forget it", () => outbox.forget(entry));
    }
    row.lastChild.className = "actions";
    return row;
  });
  section.querySelector("ul").replaceChildren(...rows);
  section.hidden = rows.length === 0;
};

const CHOICES = { left: "Left", right: "Right", tie: "Tie", "both-bad": "Both bad" };
/** What was said of an item, in words; as the server draws it. */
const wordsOf = ({ score, choice, skip }) => {
  if (score !== undefined && score !== null) return `You rated this ${score}.`;
  if (choice) return `You chose: ${CHOICES[choice] ?? choice}.`;
  if (skip) return `You skipped this: ${foreign(skip.replace(/\.+$/, ""))}.`;
  return "You have seen this before.";
};
