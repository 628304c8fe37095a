//! The web server: pages over run directories, a REST API, and jobs that make new runs.
//!
//! | to | see |
//! |---|---|
//! | add an address | [`web`] |
//! | read something else of a run directory | [`runs`] |
//! | keep something that only people give | [`db`], and what saves it: [`backup`] |
//! | start something | [`jobs`] |
//! | note something of a run | [`labels`] |
//! | change what people rate, and when | [`annotation`] |
//! | let somebody in, or keep somebody out | [`people`], and the table of addresses: [`web::access`] |
//! | hand out another model to visitors' browsers | [`demo`] |
//! | write pages as files of any static host | [`site`] |
//! | change a limit | [`limits`] |
//!
//! The run directory is the only truth: pages need no database. It never runs a model itself, and
//! depends neither on candle nor on the trainer; jobs are child processes.

pub mod annotation;
pub mod backup;
pub mod chores;
pub mod db;
pub mod demo;
pub mod jobs;
pub mod labels;
pub mod limits;
pub mod people;
pub mod runs;
pub mod settings;
pub mod site;
pub mod web;

use crate::db::Database;
use crate::demo::Demo;
use crate::jobs::{Jobs, Place};
use crate::labels::LabelBook;
use crate::limits::{
    CONNECTIONS_MAX, IDLE_SECONDS_MAX, PORTS_TRIED_MAX, SHUTDOWN_SECONDS_MAX, UNREAD_SECONDS_MAX,
};
use crate::people::known::KnownBook;
use crate::people::password::Passwords;
use crate::people::rules::RuleBook;
use crate::people::tries::Tries;
use crate::runs::Library;
use crate::runs::library::IndexRow;
use crate::settings::Settings;
use crate::web::{NoJobs, Server};
use admission::{Bounded, Bounds, Peer};
use anyhow::{Context, Result, bail};
use app::Medium;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

const BOUNDS: Bounds = Bounds {
    connections: CONNECTIONS_MAX,
    idle: Duration::from_secs(IDLE_SECONDS_MAX),
    unread: Duration::from_secs(UNREAD_SECONDS_MAX),
};

/// A server that listens and is ready to serve.
pub struct Listening {
    listener: TcpListener,
    server: Arc<Server>,
    stop: watch::Sender<bool>,
    pub address: SocketAddr,
    /// The first admin's link in words, where there is no admin yet: for whoever started the server.
    pub first_link: Option<String>,
}

impl Listening {
    /// Listens, opens the database and takes up the jobs that an earlier server left. What is
    /// missing but the address is a warning: pages are served all the same.
    ///
    /// # Errors
    /// Where no address can be listened at.
    pub async fn start(settings: Settings) -> Result<Self> {
        // Only once a process; a second call finds it done.
        let _ = any_spawner::Executor::init_tokio();
        let listener = listen(&settings).await?;
        let address = listener
            .local_addr()
            .context("the address listened at is not known")?;
        let (stop, stopping) = watch::channel(false);
        make_writable(&settings);
        let (database, database_trouble, index) = open_database(&settings).await;
        // What comes through a proxy comes from anywhere.
        let loopback = address.ip().is_loopback() && !settings.behind_proxy;
        if !address.ip().is_loopback() && !settings.behind_proxy {
            tracing::warn!(
                "others than this machine can reach {address}, unencrypted: before people sign in, put a proxy with TLS before it, and add --behind-proxy"
            );
        }
        let rules = first_rules(&settings, database.as_ref(), loopback).await;
        let first_link = match &database {
            Some(database) => first_link(database, address, loopback).await,
            None => None,
        };
        let jobs = start_jobs(&settings, database.as_ref(), &stopping).await;
        let server = Arc::new(Server {
            library: Library::new(settings.roots, index),
            database,
            database_trouble,
            labels: LabelBook::default(),
            annotation: Arc::default(),
            jobs,
            assets: settings.assets,
            medium: Medium::Server,
            loopback,
            behind_proxy: settings.behind_proxy,
            rules,
            known: KnownBook::default(),
            passwords: Passwords::default(),
            tries: Tries::default(),
            watchers: Server::watchers(),
            stopping,
            documents: web::Documents::default(),
            comparisons: runs::comparison::Comparisons::default(),
            comparing: Server::comparing(),
            demo: Demo::new(settings.demo, settings.answering),
        });
        web::begin_index(Arc::clone(&server));
        Ok(Listening {
            listener,
            server,
            stop,
            address,
            first_link,
        })
    }

    /// Serves until `until` is done; then stops the jobs, ends the requests under way and closes the
    /// database.
    ///
    /// # Errors
    /// Those of accepting connections.
    pub async fn serve(self, until: impl Future<Output = ()> + Send + 'static) -> Result<()> {
        let Listening {
            listener,
            server,
            stop,
            ..
        } = self;
        let router = web::router(Arc::clone(&server)).into_make_service_with_connect_info::<Peer>();
        let mut stopping = server.stopping.clone();
        let graceful =
            axum::serve(Bounded::new(listener, BOUNDS), router).with_graceful_shutdown({
                let mut stopping = stopping.clone();
                async move {
                    // The sender lives until this function ends.
                    let _ = stopping.wait_for(|stopping| *stopping).await;
                }
            });
        let requests = tokio::spawn(graceful.into_future());
        until.await;
        stop.send_replace(true);
        let _ = stopping.wait_for(|stopping| *stopping).await;
        let limit = Duration::from_secs(SHUTDOWN_SECONDS_MAX);
        if let Ok(jobs) = &server.jobs
            && tokio::time::timeout(limit, jobs.stopped()).await.is_err()
        {
            tracing::warn!("a job did not stop; the next server takes it up");
        }
        match tokio::time::timeout(limit, requests).await {
            Ok(ended) => ended
                .context("serving failed")?
                .context("connections cannot be accepted")?,
            Err(_) => tracing::warn!("requests under way were cut off"),
        }
        if let Some(database) = &server.database {
            let _ = tokio::time::timeout(limit, database.close()).await;
        }
        Ok(())
    }
}

async fn listen(settings: &Settings) -> Result<TcpListener> {
    let Some(first) = settings.addresses.first().copied() else {
        bail!("--listen names no address")
    };
    let mut address = first;
    for _ in 0..PORTS_TRIED_MAX {
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(error)
                if error.kind() == io::ErrorKind::AddrInUse
                    && settings.port_search
                    && address.port() < u16::MAX =>
            {
                address.set_port(address.port() + 1);
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                bail!(
                    "{address} is taken: choose another port by --listen, or add --port-search to take the next free one"
                );
            }
            Err(error) => bail!("{address} cannot be listened at: {error}"),
        }
    }
    bail!(
        "no port from {} to {} is free: choose one by --listen",
        first.port(),
        address.port()
    )
}

/// The folder that runs are written to is made where it is missing; if that fails, the pages warn.
fn make_writable(settings: &Settings) {
    if let Some(folder) = &settings.writable
        && !folder.exists()
    {
        match std::fs::create_dir_all(folder) {
            Ok(()) => tracing::info!("made the folder {} for runs", folder.display()),
            Err(error) => tracing::warn!(
                "the folder {} for runs cannot be made: {error}",
                folder.display()
            ),
        }
    }
}

/// The database and its index; else why there is none, in a sentence.
async fn open_database(settings: &Settings) -> (Option<Database>, Option<String>, Vec<IndexRow>) {
    let Some(location) = &settings.database else {
        let trouble = "There is no database: all folders of runs are recorded ones, so none is written to; name one by --database.";
        return (None, Some(trouble.into()), Vec::new());
    };
    let opened = async {
        let database = Database::open(location).await?;
        let index = database.index().await?;
        Ok::<_, db::DatabaseError>((database, index))
    };
    match opened.await {
        Ok((database, index)) => (Some(database), None, index),
        Err(error) => {
            let trouble = format!(
                "The database {location} cannot be used: {error}. Mend it, move it away (a new one is made), or name another by --database, and start the server again."
            );
            tracing::error!("{trouble}");
            (None, Some(trouble), Vec::new())
        }
    }
}

/// Who sees what, as it is at the start. Without a database nobody has an account; where others can
/// reach a server whose database does not work, nobody is shown anything that people may be rating.
async fn first_rules(settings: &Settings, database: Option<&Database>, loopback: bool) -> RuleBook {
    match database {
        Some(database) => {
            let rules = RuleBook::default();
            rules.rules(database).await;
            rules
        }
        None if loopback || settings.database.is_none() => RuleBook::without_database(),
        None => RuleBook::default(),
    }
}

/// The words of the first admin's link, where there is no admin.
async fn first_link(database: &Database, address: SocketAddr, loopback: bool) -> Option<String> {
    match web::people::first::words(database, address, loopback).await {
        Ok(words) => words,
        Err(error) => {
            tracing::error!("no link for the first admin can be made: {error}");
            None
        }
    }
}

async fn start_jobs(
    settings: &Settings,
    database: Option<&Database>,
    stopping: &watch::Receiver<bool>,
) -> Result<Jobs, NoJobs> {
    let database = database.ok_or(NoJobs::Database)?;
    let folder = settings
        .writable
        .as_deref()
        .ok_or_else(|| NoJobs::Folder("all folders of runs are recorded ones.".into()))
        .and_then(absolute)?;
    let place = Place {
        program: settings.program.clone(),
        runs: folder,
        at_once: settings.jobs_at_once,
    };
    Jobs::start(database.clone(), place, stopping.clone())
        .await
        .map_err(|error| {
            tracing::error!("jobs cannot be taken up: {error}");
            NoJobs::Database
        })
}

fn absolute(folder: &Path) -> Result<std::path::PathBuf, NoJobs> {
    folder.canonicalize().map_err(|error| {
        NoJobs::Folder(format!(
            "the folder of runs {} cannot be used: {error}.",
            folder.display()
        ))
    })
}
