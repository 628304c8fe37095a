// sayself-server as a child process, on a free port, with a database of its own.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const root = resolve(import.meta.dirname, "../..");
/** Where cargo builds to. */
export const target = resolve(root, process.env.CARGO_TARGET_DIR || "target");
const START_MS_MAX = 30_000;

/** Serves these folders of runs; `stop` ends the server and removes its database. */
export function serve(...runs) {
  return serveWith(runs);
}

/** The same, with more words on the command line. */
export async function serveWith(runs, ...more) {
  const folder = await mkdtemp(join(tmpdir(), "sayself-served-"));
  const port = await freePort();
  const address = `http://127.0.0.1:${port}`;
  const database = join(folder, "sayself.db");
  const program = join(target, "release/sayself-server");
  const child = spawn(
    program,
    ["--runs", ...runs, "--database", database, "--listen", `127.0.0.1:${port}`, ...more],
    { cwd: root, stdio: ["ignore", "ignore", "pipe"] },
  );
  let told = "";
  child.stderr.on("data", (bytes) => (told += bytes));
  const ended = new Promise((done) => child.once("exit", done));
  const started = Date.now();
  for (;;) {
    if (child.exitCode !== null || Date.now() - started > START_MS_MAX) {
      child.kill("SIGKILL");
      throw new Error(`sayself-server did not start: ${told}`);
    }
    const answer = await fetch(`${address}/healthz`).catch(() => undefined);
    if (answer?.ok) break;
    await new Promise((done) => setTimeout(done, 50));
  }
  return {
    address,
    async stop() {
      child.kill("SIGTERM");
      const kill = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await ended;
      clearTimeout(kill);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function freePort() {
  return new Promise((done, failed) => {
    const listener = createServer();
    listener.once("error", failed);
    listener.listen(0, "127.0.0.1", () => {
      const { port } = listener.address();
      listener.close(() => done(port));
    });
  });
}
