//! The command line, turned once into what the server works with.

use crate::chores::Chore;
use crate::db::Location;
use crate::demo::Wanted;
use crate::demo::answering::Answering;
use crate::demo::answering::keeping::Keeping;
use crate::demo::answering::model_server::{Endpoint, Location as ModelLocation};
use crate::runs::Root;
use clap::Parser;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Recorded runs as the repository lays them; read-only.
const RECORDED: &str = "datasets/results";
/// Where runs are written when nothing else is said.
const RUNS: &str = "runs";
/// The browser's part of the pages, as `cargo xtask web` lays it.
const ASSETS: &str = "target/site";
/// A file of that part.
const ASSETS_MARK: &str = "app.js";
/// The database beside the runs.
const DATABASE: &str = ".sayself.db";

/// Serves the pages and the REST API over folders of runs, and starts runs
#[derive(Debug, Parser)]
#[command(
    name = "sayself-server",
    version,
    // `--runs a b backup FILE` is a chore, not three more folders.
    subcommand_precedence_over_arg = true,
    after_help = "Examples:\n  sayself-server\n  sayself-server --runs runs datasets/results --listen 127.0.0.1:7590\n  sayself-server --runs /data/runs --database postgres://sayself@db/sayself\n  sayself-server backup sayself.backup"
)]
pub struct Arguments {
    #[command(subcommand)]
    pub chore: Option<Chore>,

    /// Folders of runs, or single runs; new runs are written to the last that is not recorded
    /// [default: ./runs, and datasets/results where it is]
    #[arg(long, num_args = 1.., value_name = "DIR", global = true)]
    pub runs: Vec<PathBuf>,

    /// An SQLite file, made where missing, or a URL: sqlite://… or postgres://…
    /// [default: .sayself.db in the folder that new runs are written to]
    #[arg(long, value_name = "URL", global = true)]
    pub database: Option<String>,

    /// Address and port; port 0 takes any free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:7590")]
    pub listen: String,

    /// Take the next free port where the port is taken
    #[arg(long)]
    pub port_search: bool,

    /// A proxy stands before the server, on this machine or another: its X-Forwarded-For and
    /// X-Forwarded-Proto are believed, its Host is any, and nobody is taken for the person at the machine
    #[arg(long)]
    pub behind_proxy: bool,

    /// The folder of the browser's part of the pages; without it pages work without islands
    /// [default: target/site where it is]
    #[arg(long, value_name = "DIR")]
    pub assets: Option<PathBuf>,

    /// The command line program that jobs run
    /// [default: `sayself` beside this program, else on the PATH]
    #[arg(long, value_name = "PATH")]
    pub sayself: Option<PathBuf>,

    /// Jobs that run at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub jobs_at_once: u8,

    /// The model that the demo hands out to visitors' browsers, a GGUF file
    /// [default: as `sayself pull smollm2-135m` leaves it]
    #[arg(long, value_name = "FILE")]
    pub demo_model: Option<PathBuf>,

    /// What that model was taught, an adapter in PEFT form
    /// [default: that of the newest finished run of this model]
    #[arg(long, value_name = "DIR")]
    pub demo_adapter: Option<PathBuf>,

    /// Who answers the demo for visitors who do not want the model in their browsers: `child`, a `sayself
    /// infer` over the same files, started when it is first asked; `off`; or the URL of an OpenAI-compatible
    /// server, up to and with /v1
    #[arg(long, value_name = "child|off|URL", default_value = "child")]
    pub demo_endpoint: String,

    /// What the server at that URL calls the model as it is
    #[arg(long, value_name = "NAME")]
    pub demo_before: Option<String>,

    /// What it calls the taught model, where it has one
    #[arg(long, value_name = "NAME")]
    pub demo_after: Option<String>,

    /// The environment variable with the key of the server at that URL
    #[arg(long, value_name = "NAME")]
    pub demo_key_env: Option<String>,

    /// Keep what visitors ask on this server and what is answered, in this file, a line of JSON each,
    /// without who asked; the page then says so
    #[arg(long, value_name = "FILE")]
    pub demo_keep: Option<PathBuf>,
}

/// What the server works with.
#[derive(Debug)]
pub struct Settings {
    pub roots: Vec<Root>,
    /// Where new runs are written; `None` where all folders are recorded ones.
    pub writable: Option<PathBuf>,
    /// `None` where there is no folder to put one in.
    pub database: Option<Location>,
    pub addresses: Vec<SocketAddr>,
    pub port_search: bool,
    /// Whether a proxy stands before it, and what that says of requests is believed.
    pub behind_proxy: bool,
    pub assets: Option<PathBuf>,
    pub program: PathBuf,
    pub jobs_at_once: usize,
    pub demo: Wanted,
    /// The server's own demo.
    pub answering: Answering,
}

impl Settings {
    /// # Errors
    /// Bad use, in words: an address that is none, a folder of assets without its files.
    pub fn from_arguments(arguments: Arguments) -> Result<Self, String> {
        let own = std::env::current_exe().ok();
        let roots = arguments.roots();
        let writable = writable(&roots);
        let database = database(arguments.database.as_deref(), writable.as_deref());
        let addresses: Vec<SocketAddr> =
            std::net::ToSocketAddrs::to_socket_addrs(&arguments.listen)
                .map_err(|error| {
                    format!("--listen: {:?} is no HOST:PORT: {error}", arguments.listen)
                })?
                .collect();
        let assets = assets_of(arguments.assets, own.as_deref())?;
        let program = arguments
            .sayself
            .unwrap_or_else(|| default_program(own.as_deref()));
        let location = location_of(Asking {
            endpoint: &arguments.demo_endpoint,
            before: arguments.demo_before,
            after: arguments.demo_after,
            key_env: arguments.demo_key_env.as_deref(),
            program: &program,
        })?;
        let keeping = arguments.demo_keep.as_deref().map(Keeping::at).transpose();
        let keeping = keeping.map_err(|error| format!("--demo-keep: {error}."))?;
        Ok(Settings {
            roots,
            writable,
            database,
            addresses,
            port_search: arguments.port_search,
            behind_proxy: arguments.behind_proxy,
            assets,
            program,
            jobs_at_once: arguments.jobs_at_once.into(),
            demo: demo_of(arguments.demo_model, arguments.demo_adapter)?,
            answering: Answering::new(location, keeping),
        })
    }
}

impl Arguments {
    /// The folders of runs.
    pub fn roots(&self) -> Vec<Root> {
        roots(&self.runs)
    }

    /// The database that the server would work with; `None` where there is no folder to put one in.
    pub fn location(&self) -> Option<Location> {
        let writable = writable(&self.roots());
        database(self.database.as_deref(), writable.as_deref())
    }
}

fn roots(runs: &[PathBuf]) -> Vec<Root> {
    let runs = if runs.is_empty() {
        let recorded = Path::new(RECORDED)
            .is_dir()
            .then(|| PathBuf::from(RECORDED));
        recorded.into_iter().chain([PathBuf::from(RUNS)]).collect()
    } else {
        runs.to_vec()
    };
    runs.into_iter()
        .map(|path| Root {
            recorded: is_recorded(&path),
            path,
        })
        .collect()
}

fn writable(roots: &[Root]) -> Option<PathBuf> {
    let root = roots.iter().rev().find(|root| !root.recorded)?;
    Some(root.path.clone())
}

fn database(named: Option<&str>, writable: Option<&Path>) -> Option<Location> {
    match named {
        Some(text) => Some(Location::parse(text)),
        None => writable.map(|folder| Location::Sqlite(folder.join(DATABASE))),
    }
}

/// What is named must be there: a demo without it would say nothing of it.
pub fn demo_of(model: Option<PathBuf>, adapter: Option<PathBuf>) -> Result<Wanted, String> {
    if let Some(file) = model.as_deref().filter(|file| !file.is_file()) {
        return Err(format!(
            "--demo-model: there is no file {}.",
            file.display()
        ));
    }
    let is_adapter = |folder: &Path| folder.join("adapter_config.json").is_file();
    if let Some(folder) = adapter.as_deref().filter(|folder| !is_adapter(folder)) {
        return Err(format!(
            "--demo-adapter: {} has no adapter_config.json.",
            folder.display()
        ));
    }
    Ok(Wanted {
        model,
        adapter,
        without_model: false,
    })
}

/// The browser's part: the folder that is named, or the usual one.
///
/// # Errors
/// Where the named one has not what it should.
pub fn assets_of_program(named: Option<PathBuf>) -> Result<Option<PathBuf>, String> {
    assets_of(named, std::env::current_exe().ok().as_deref())
}

/// The folder that is named, which must have what it should; else the usual one.
fn assets_of(named: Option<PathBuf>, own: Option<&Path>) -> Result<Option<PathBuf>, String> {
    match named {
        Some(folder) if !folder.join(ASSETS_MARK).is_file() => Err(format!(
            "--assets: {} has no {ASSETS_MARK}. Build it by `cargo xtask web`, or leave --assets out.",
            folder.display()
        )),
        Some(folder) => Ok(Some(folder)),
        None => Ok(default_assets(own)),
    }
}

/// What the command line says of who answers the demo.
struct Asking<'a> {
    endpoint: &'a str,
    before: Option<String>,
    after: Option<String>,
    key_env: Option<&'a str>,
    program: &'a Path,
}

fn location_of(asking: Asking) -> Result<ModelLocation, String> {
    let Asking {
        endpoint,
        before,
        after,
        key_env,
        program,
    } = asking;
    let is_elsewhere = endpoint.starts_with("http://") || endpoint.starts_with("https://");
    if !is_elsewhere && (before.is_some() || after.is_some() || key_env.is_some()) {
        return Err(
            "--demo-before, --demo-after and --demo-key-env are for --demo-endpoint URL."
                .to_owned(),
        );
    }
    match endpoint {
        "off" => Ok(ModelLocation::Off),
        "child" => Ok(ModelLocation::Child(program.to_owned())),
        _ if !is_elsewhere => Err(format!(
            "--demo-endpoint: {endpoint:?} is neither child nor off, nor a URL that begins with http:// or https://."
        )),
        _ if endpoint.contains('@') => Err(
            "--demo-endpoint: a URL with a name and a password would stand in logs; name the key's variable by --demo-key-env.".to_owned(),
        ),
        url => Ok(ModelLocation::Elsewhere(Endpoint {
            root: url.trim_end_matches('/').to_owned(),
            before: before.ok_or("--demo-endpoint URL needs --demo-before NAME: what that server calls the model.")?,
            after,
            key: key_env.map(key_of).transpose()?,
        })),
    }
}

fn key_of(variable: &str) -> Result<String, String> {
    let key = std::env::var(variable).ok().filter(|key| !key.is_empty());
    key.ok_or_else(|| format!("--demo-key-env: the environment variable {variable} is not set."))
}

fn is_recorded(path: &Path) -> bool {
    let absolute = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    // The folder, or one run in it.
    absolute.ends_with(RECORDED)
        || absolute
            .parent()
            .is_some_and(|folder| folder.ends_with(RECORDED))
}

/// In the working directory's `target`, or in that of this program's build.
fn default_assets(own: Option<&Path>) -> Option<PathBuf> {
    let beside = own.and_then(|own| Some(own.parent()?.parent()?.join("site")));
    [Some(PathBuf::from(ASSETS)), beside]
        .into_iter()
        .flatten()
        .find(|folder| folder.join(ASSETS_MARK).is_file())
}

fn default_program(own: Option<&Path>) -> PathBuf {
    let name = format!("sayself{}", std::env::consts::EXE_SUFFIX);
    own.and_then(|own| Some(own.parent()?.join(&name)))
        .filter(|beside| beside.is_file())
        .unwrap_or_else(|| name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(arguments: &[&str]) -> Result<Settings, String> {
        Settings::from_arguments(Arguments::parse_from(
            [&["sayself-server"], arguments].concat(),
        ))
    }

    #[test]
    fn new_runs_go_to_the_last_folder_that_is_not_recorded() {
        let settings = settings(&[
            "--runs",
            "a",
            "b",
            "x/datasets/results",
            "--listen",
            "127.0.0.1:0",
        ])
        .unwrap();
        assert_eq!(settings.writable, Some("b".into()));
        assert!(settings.roots[2].recorded);
        assert_eq!(
            settings.database,
            Some(Location::Sqlite("b/.sayself.db".into()))
        );
    }

    #[test]
    fn chores_work_on_the_servers_database() {
        for line in [
            &["--runs", "a", "b", "backup", "x"][..],
            &["backup", "x", "--runs", "a", "b"],
            &["backup", "--database", "b/.sayself.db", "x"],
            &["--database", "b/.sayself.db", "backup", "x"],
        ] {
            let arguments = Arguments::parse_from([&["sayself-server"], line].concat());
            assert_eq!(
                arguments.location(),
                Some(Location::Sqlite("b/.sayself.db".into())),
                "{line:?}"
            );
            assert!(
                matches!(arguments.chore, Some(Chore::Backup(asked)) if asked.file == Path::new("x")),
                "{line:?}"
            );
        }
        assert!(Arguments::try_parse_from(["sayself-server", "backup"]).is_err());
    }

    #[test]
    fn bad_use_is_told() {
        assert!(
            settings(&["--listen", "nonsense"])
                .unwrap_err()
                .contains("--listen")
        );
        assert!(
            settings(&["--assets", "/nonexistent"])
                .unwrap_err()
                .contains("--assets")
        );
        for name in ["--demo-model", "--demo-adapter"] {
            assert!(
                settings(&[name, "/nonexistent"])
                    .unwrap_err()
                    .contains(name)
            );
        }
    }
}
