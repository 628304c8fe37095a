// What is not sent yet outlives a reload.

const DRAFTS_MAX = 30;

const drafts = (() => {
  const NAME = `sayself-drafts-${data.project}`;
  const all = () => { try { return JSON.parse(remembered.get(NAME)) ?? {}; } catch { return {}; } };
  const write = (drafts) => remembered.set(NAME, JSON.stringify(Object.fromEntries(Object.entries(drafts).slice(-DRAFTS_MAX))));
  return {
    of: (assignment) => all()[assignment],
    keep(assignment, draft) {
      const { [assignment]: before, ...others } = all();
      write({ ...others, [assignment]: draft });
    },
    drop(assignment) {
      const { [assignment]: before, ...others } = all();
      if (before) write(others);
    },
  };
})();
