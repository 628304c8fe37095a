// Lends its thread to a module that runs in another worker, whose memory it shares, for good.

onmessage = async ({ data: { module, memory, flavour, index } }) => {
  const { default: init, help } = await import(`./${flavour}/sayself_worker.js`);
  await init({ module_or_path: module, memory });
  help(index);
};
