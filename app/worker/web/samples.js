// "Ask ten times": samples as they come, put together by what they say, and the self-reflection beside
// them.

import { drawing, foreign, place, visible, words } from "./words.js";

const VERDICTS = {
  "borne-out": "yes",
  "other-share": "sampled, but not as often",
  "not-sampled": "no, not sampled",
};

/** Characters of a sample that is under way. */
const SHOWN_CHARACTERS = 40;

export function clear() {
  place("ten-result").hidden = true;
  place("ten-line").hidden = true;
  place("clusters").replaceChildren();
  place("claims").replaceChildren();
  place("checked").hidden = true;
}

/** Shows what `cluster` of the module made; `writing` are the samples that have not ended. */
export function show(clustered, writing, wanted) {
  place("ten-result").hidden = false;
  const rows = clustered.clusters.map(({ answer, members, bar, stated }) => {
    const row = document.createElement("tr");
    if (stated) row.className = "stated";
    const name = answer ? foreign("th", answer) : words("th", "no answer could be read");
    name.scope = "row";
    row.append(name, words("td", `${members.length} of ${wanted}`, "number"), drawing(bar, "td", "bar"));
    return row;
  });
  place("clusters").replaceChildren(...rows);
  const line = place("under-way");
  line.hidden = writing.length === 0;
  const short = writing.map((text) => visible(text.replace(/^Answer:\s*/, "")).slice(0, SHOWN_CHARACTERS) || "…");
  line.textContent = `Under way: ${short.join(" · ")}`;
  check(clustered, wanted);
}

function check({ rationale, claims, left_out: leftOut, verdict }, wanted) {
  place("checked").hidden = rationale.length === 0 || verdict === null;
  if (rationale.length === 0 || verdict === null) return;
  const marks = rationale.map(({ text, names }) => {
    if (names === "nothing") return document.createTextNode(visible(text));
    const mark = document.createElement("mark");
    mark.className = names === "sampled" ? "named" : "invented";
    mark.textContent = visible(text);
    mark.append(words("span", names === "sampled" ? " [samples say it]" : " [no sample says it]", "unseen"));
    return mark;
  });
  place("marked").replaceChildren(...marks);
  const rows = claims.map(({ name, claimed, sampled, verdict: of }) => {
    const row = document.createElement("tr");
    const cell = foreign("th", name);
    cell.scope = "row";
    row.append(cell, words("td", claimed ?? "–", "number"), words("td", String(sampled), "number"), words("td", VERDICTS[of], of));
    return row;
  });
  place("claims").closest("table").hidden = rows.length === 0;
  place("claims").replaceChildren(...rows);
  const left = leftOut.length > 0 ? ` It leaves out ${leftOut.map(visible).join(", ")}.` : "";
  place("verdict").replaceChildren(foreign("span", verdict + left));
  const few = words("span", ` Of ${wanted} samples chance alone moves a share by up to 30%.`, "minor");
  place("verdict").append(few);
}
