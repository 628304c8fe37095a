//! The same migrations and queries on PostgreSQL.

use crate::made_run::MadeRun;
use crate::served::{Served, folder, wait_for};
use serde_json::json;
use sqlx::Connection;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A cluster of this test's own, gone with its data afterwards.
struct Cluster {
    programs: PathBuf,
    folder: tempfile::TempDir,
    url: String,
}

impl Cluster {
    fn start(programs: PathBuf) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let folder = folder();
        // PostgreSQL does not run as root; its own user must own its folder.
        if is_root() {
            assert!(
                Command::new("chown")
                    .arg("postgres")
                    .arg(folder.path())
                    .status()
                    .unwrap()
                    .success()
            );
        }
        let cluster = Cluster {
            programs,
            url: format!("postgres://sayself@127.0.0.1:{port}/postgres"),
            folder,
        };
        let data = cluster.folder.path().join("data").display().to_string();
        cluster.program(
            "initdb",
            &format!("-D {data} -A trust -U sayself -E UTF8 --no-sync"),
        );
        cluster.program(
            "pg_ctl",
            &format!("-D {data} -l {data}/log -w -o '-p {port} -k {data} -c listen_addresses=127.0.0.1 -c fsync=off' start"),
        );
        cluster
    }

    fn program(&self, name: &str, arguments: &str) {
        let line = format!("{} {arguments}", self.programs.join(name).display());
        let mut command = if is_root() {
            Command::new("su")
        } else {
            Command::new("sh")
        };
        if is_root() {
            command.args(["postgres", "-s", "/bin/sh"]);
        }
        let status = command
            .args(["-c", &line])
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "{line}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let data = self.folder.path().join("data").display().to_string();
        self.program("pg_ctl", &format!("-D {data} -m immediate stop"));
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The newest version's programs, where Debian puts them.
fn programs() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|programs| programs.join("initdb").is_file())
        .collect();
    versions.sort();
    versions.pop()
}

/// A database of this test's own in the cluster at `url`.
fn new_database(url: &str) -> String {
    let name = format!("sayself_{}", std::process::id());
    sqlx::any::install_default_drivers();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut connection = sqlx::AnyConnection::connect(url).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .execute(&mut connection)
            .await
            .unwrap();
    });
    let (server, _) = url.rsplit_once('/').unwrap();
    format!("{server}/{name}")
}

#[test]
fn postgresql_serves_as_sqlite_does() {
    let (url, _cluster) = match (std::env::var("SAYSELF_TEST_POSTGRES"), programs()) {
        (Ok(url), _) => (url, None),
        (Err(_), Some(programs)) => {
            let cluster = Cluster::start(programs);
            (cluster.url.clone(), Some(cluster))
        }
        (Err(_), None) => {
            assert!(
                std::env::var_os("CI").is_none(),
                "no PostgreSQL: install Debian's package `postgresql`"
            );
            eprintln!(
                "SKIPPED: no PostgreSQL under /usr/lib/postgresql: install Debian's package `postgresql`"
            );
            return;
        }
    };
    let database = new_database(&url);
    let runs = folder();
    MadeRun::finished(runs.path(), "made", "nul: \u{0}");
    let script = runs.path().join("fake-sayself");
    std::fs::write(
        &script,
        "#!/bin/sh\nmkdir -p \"$4\"\ncp \"$2\" \"$4/run.toml\"\nprintf 'error: a\\000b\\n'\nexit 3\n",
    )
    .unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let serve = || {
        Served::with(&[
            "--runs",
            runs.path().to_str().unwrap(),
            "--database",
            &database,
            "--sayself",
            Path::new(&script).to_str().unwrap(),
        ])
    };
    let server = serve();
    assert_eq!(server.get("/readyz").json()["status"], "ready");
    assert_eq!(server.get("/api/runs").json()["runs"][0]["id"], "made");
    let id = server
        .post("/api/jobs", &json!({"config": "seed = 1", "out": "job"}))
        .json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let failed = || {
        wait_for("the job's end", || {
            Some(server.get(&format!("/api/jobs/{id}")).json())
                .filter(|job| job["state"] == "failed")
        })
    };
    let job = failed();
    assert_eq!(
        (job["exit_code"].as_i64(), job["attempt"].as_i64()),
        (Some(3), Some(1))
    );
    assert_eq!(
        server
            .post(&format!("/api/jobs/{id}/retry"), &json!({}))
            .status,
        200
    );
    assert_eq!(failed()["attempt"], 2);
    assert_eq!(
        server.get("/api/jobs").json()["jobs"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let note = json!({"tags": ["a", "b"], "note": "nul: \u{0}, ünï"});
    let noted = server.patch("/api/runs/made/labels", &note);
    assert_eq!(noted.status, 200, "{}", noted.text);
    let again = server.patch("/api/runs/made/labels", &json!({"tags": ["b"]}));
    assert_eq!(again.json(), json!({"tags": ["b"], "note": "nul: , ünï"}));
    server.stop();
    let server = serve();
    assert_eq!(server.get("/api/runs/made/labels").json(), again.json());
    assert_eq!(server.get("/api/runs?tag=B").json()["matching"], 1);
    assert_eq!(
        server.get("/api/runs").json()["runs"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        server.get(&format!("/api/jobs/{id}")).json()["state"],
        "failed"
    );
}
