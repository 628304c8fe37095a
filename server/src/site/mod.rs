//! The pages as plain files for any static host: `sayself site`.
//!
//! The server's own router is asked in this process, without a listener, for pages that say what files can
//! do ([`app::Medium::Files`]); what they lead to is followed, made relative, and checked.
//!
//! | to | see |
//! |---|---|
//! | keep other addresses, or more of them | [`kept`], and the limits `SITE_…` in [`crate::limits`] |
//! | name files otherwise | [`address`] |
//! | let another attribute lead somewhere | [`links`] |
//! | change what a page leaves out | [`app::medium`] |
//! | pack another file | [`modules`] |

pub mod address;
mod asking;
pub mod chore;
pub mod folder;
pub mod kept;
pub mod links;
mod modules;

use crate::demo::Wanted;
use crate::limits::SITE_LARGEST_TOLD;
use crate::runs::{Root, Run};
use crate::web::{self, Server};
use address::{relative, resolved};
use app::link::{self, DEMO_MODEL_FOLDER};
use app::medium::PACKED;
use asking::{ABOUT, Asking, answer, own};
use axum::Router;
use axum::body::to_bytes;
use axum::http::StatusCode;
use datasets::demo::About;
use folder::{Folder, MARK, Mark};
use kept::Kept;
use links::Becomes;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Dead links that an error names.
const DEAD_TOLD: usize = 10;

/// Why there is no site.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    #[error("{}", .0)]
    BadUse(String),
    #[error("--out: {} has no name that a folder can have. Name a folder", .0.display())]
    NoName(PathBuf),
    #[error("--out: {} {why}. Nothing was changed: name a folder that is not there, an empty one, or an earlier site as it was written", out.display())]
    Taken { out: PathBuf, why: &'static str },
    #[error("{} cannot be written: {source}. There is no new site, and what was written of it is removed: make room or choose another place, and try again", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("{} cannot be read: {source}. There is no new site", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{address}, to which {from} leads, cannot be had: {why} There is no new site")]
    Asked {
        address: String,
        from: String,
        why: String,
    },
    #[error("--runs: {0} There is no new site")]
    Runs(String),
    #[error(
        "links that lead to no file, which is a mistake of this program: {0}. There is no new site"
    )]
    Dead(String),
    #[error("stopped. There is no new site, and what was written of it is removed")]
    Stopped,
    #[error("what {ABOUT} says of the model cannot be read: {0}. There is no new site")]
    About(String),
}

impl SiteError {
    /// Whether it was asked for wrongly; else it failed.
    pub fn is_bad_use(&self) -> bool {
        matches!(
            self,
            SiteError::BadUse(_)
                | SiteError::NoName(_)
                | SiteError::Taken { .. }
                | SiteError::Runs(_)
        )
    }

    fn write(path: &Path, source: io::Error) -> Self {
        SiteError::Write {
            path: path.to_owned(),
            source,
        }
    }

    fn read(path: &Path, source: io::Error) -> Self {
        SiteError::Read {
            path: path.to_owned(),
            source,
        }
    }

    fn asked(address: &str, from: &str, why: String) -> Self {
        SiteError::Asked {
            address: address.to_owned(),
            from: from.to_owned(),
            why,
        }
    }
}

/// What is to be written.
#[derive(Clone, Debug)]
pub struct Plan {
    pub roots: Vec<Root>,
    pub out: PathBuf,
    /// The browser's part; without it pages do not move.
    pub assets: Option<PathBuf>,
    pub demo: Wanted,
    /// Where the demo's folder `model` lies instead of beside it.
    pub model_url: Option<String>,
    /// Whether charts and the runs' files can be downloaded.
    pub with_records: bool,
}

/// What was written.
#[derive(Clone, Debug)]
pub struct Written {
    pub mark: Mark,
    /// Files and their bytes, the largest first, without the demo's model.
    pub largest: Vec<(String, u64)>,
    /// What whoever asked for it should know, a sentence each.
    pub notes: Vec<String>,
}

/// Writes a site; `told(done, known)` hears how many addresses there are.
///
/// # Errors
/// Where runs cannot be read, a page cannot be drawn or a file not be written: then there is no new site, and
/// an earlier one stays.
pub async fn write(plan: Plan, told: &mut dyn FnMut(usize, usize)) -> Result<Written, SiteError> {
    // Only once a process; a second call finds it done.
    let _ = any_spawner::Executor::init_tokio();
    let folder = Folder::begin(&plan.out)?;
    let server = Arc::new(Server::for_files(
        plan.roots.clone(),
        plan.assets.clone(),
        plan.demo.clone(),
        plan.with_records,
    ));
    let runs = runs(&server).await?;
    let router = web::router_for_files(server);
    let has_model = plan.assets.is_some() && !plan.demo.without_model;
    let models = match has_model {
        true => model(&router, &folder, plan.model_url.as_deref()).await?,
        false => None,
    };
    let mut kept = Kept::default();
    if let Some(assets) = &plan.assets {
        for address in modules::copy(assets, &folder, models.is_some()).await? {
            kept.add(&address);
        }
    }
    let style = link::stylesheet();
    let theme = link::theme_script();
    let (tables, your_file, demo) = (link::tables(&[]), link::your_file(), link::demo());
    let mut first = vec!["/", &tables, &your_file, &demo, &style, &theme];
    first.extend(models.iter().flatten().map(String::as_str));
    let mut asking = Asking {
        router,
        folder: &folder,
        kept: &mut kept,
    };
    let pages = asking.follow(&first, told).await?;
    rewrite(&folder, &pages, &kept, plan.model_url.as_deref())?;
    check(&folder, &pages)?;
    let mut notes = notes(&runs);
    if plan.assets.is_none() {
        notes.push("There is no browser's part: pages do not move, Your file measures nothing, and the demo cannot be asked. Build it by `cargo xtask web`, or name it by --assets.".into());
    } else if has_model && models.is_none() {
        notes.push("There is no model: the demo shows recorded answers alone. Fetch it by `sayself pull smollm2-135m`, or name one by --demo-model.".into());
    }
    if kept.beyond() > 0 {
        notes.push(format!(
            "{} more questions and lists stand as plain text: a site of files holds the first of each.",
            kept.beyond()
        ));
    }
    finish(folder, newest_change(&runs), pages.len(), notes)
}

/// All runs; whatever is wrong with their folders is an error, for a site is not loaded again.
async fn runs(server: &Arc<Server>) -> Result<Arc<Vec<Run>>, SiteError> {
    let server = Arc::clone(server);
    let looked = tokio::task::spawn_blocking(move || server.library.runs()).await;
    let (runs, warnings) = looked.map_err(|error| SiteError::Runs(format!("{error}.")))?;
    match warnings.first() {
        Some(warning) => Err(SiteError::Runs(warning.clone())),
        None => Ok(runs),
    }
}

/// What pages say of these runs, or leave out.
fn notes(runs: &[Run]) -> Vec<String> {
    let sight = crate::people::rules::Sight::Ended;
    let of_run = |run: &Run| match (&run.facts.trouble, sight.sees(run)) {
        (Some(trouble), _) => Some(format!(
            "The run {} cannot be read, as its page says: {trouble}.",
            run.found.id
        )),
        (None, false) => Some(format!(
            "The run {} is under way, and left out.",
            run.found.id
        )),
        (None, true) => None,
    };
    runs.iter().filter_map(of_run).collect()
}

/// Milliseconds since the epoch of the newest change of a run.
fn newest_change(runs: &[Run]) -> u64 {
    let of_run = |run: &Run| run.facts.progress.last_ms.unwrap_or(run.found.changed_ms);
    runs.iter().map(of_run).max().unwrap_or(0)
}

/// Writes what the demo's scripts are told of its model; the addresses of the model's files that are to be
/// copied. `None`: there is no model.
async fn model(
    router: &Router,
    folder: &Folder,
    url: Option<&str>,
) -> Result<Option<Vec<String>>, SiteError> {
    let wrong = SiteError::About;
    let answer = answer(router, ABOUT).await.map_err(wrong)?;
    if answer.status() != StatusCode::OK {
        return Ok(None);
    }
    let body = to_bytes(answer.into_body(), crate::limits::SITE_PAGE_BYTES_MAX).await;
    let body = body.map_err(|error| wrong(error.to_string()))?;
    let mut about: About =
        serde_json::from_slice(&body).map_err(|error| wrong(error.to_string()))?;
    let mut files: Vec<_> = about.model.iter_mut().collect();
    files.extend(about.adapter.as_mut().map(|adapter| &mut adapter.weights));
    let mut copied = Vec::new();
    for file in files {
        match url {
            Some(url) => {
                let name = file.address.trim_start_matches(DEMO_MODEL_FOLDER);
                file.address = [url.trim_end_matches('/'), name].concat();
            }
            None => copied.push(link::demo_file(&file.address)),
        }
    }
    let text = serde_json::to_vec(&about).map_err(|error| wrong(error.to_string()))?;
    let file = [&address::file_of(ABOUT), PACKED].concat();
    folder.write(&file, &modules::packed(text, &folder.path(&file)).await?)?;
    Ok(Some(copied))
}

/// Makes the links of all pages relative, lets go of those that lead nowhere, and gives each page its policy.
fn rewrite(
    folder: &Folder,
    pages: &BTreeSet<String>,
    kept: &Kept,
    model_url: Option<&str>,
) -> Result<(), SiteError> {
    let origin = model_url.map(origin_of).unwrap_or_default();
    for file in pages {
        let page = folder.read(file)?;
        let become_of = |link: &str| becomes(link, file, kept);
        let policy_of = |scripts: &str| web::policy(scripts, "", origin);
        folder.write(
            file,
            links::rewritten(&page, become_of, policy_of).as_bytes(),
        )?;
    }
    Ok(())
}

/// What a link on the page of a file becomes.
fn becomes(link: &str, file: &str, kept: &Kept) -> Becomes {
    let Some(address) = own(link) else {
        return Becomes::Itself;
    };
    let fragment = &link[address.len()..];
    // Where there is no such view of a page there may be the page, which leads not to itself.
    let without_query = || {
        let (path, _) = address.split_once('?')?;
        kept.file(path).filter(|known| *known != file)
    };
    match kept.file(address).or_else(without_query) {
        Some(known) => Becomes::Another([&relative(file, known), fragment].concat()),
        None => Becomes::Nothing,
    }
}

/// `https://a.example` of `https://a.example/b/c`.
fn origin_of(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url[host..].find('/').map_or(url.len(), |at| host + at);
    &url[..end]
}

/// Looks whether every link of every page leads to a file.
fn check(folder: &Folder, pages: &BTreeSet<String>) -> Result<(), SiteError> {
    let files: BTreeSet<String> = folder.files()?.into_iter().map(|(file, _)| file).collect();
    let mut dead = Vec::new();
    for page in pages {
        for link in links::links(&folder.read(page)?) {
            let leads_elsewhere = link.contains(':');
            let is_there =
                leads_elsewhere || resolved(page, &link).is_some_and(|file| files.contains(&file));
            if !is_there {
                dead.push(format!("{link} on {page}"));
            }
        }
    }
    if dead.is_empty() {
        return Ok(());
    }
    let more = dead.len().saturating_sub(DEAD_TOLD);
    dead.truncate(DEAD_TOLD);
    if more > 0 {
        dead.push(format!("and {more} more"));
    }
    Err(SiteError::Dead(dead.join(", ")))
}

/// Whether a file is one of the demo's model.
fn is_of_model(file: &str) -> bool {
    let folder = link::demo_file(DEMO_MODEL_FOLDER);
    Path::new(file).starts_with(folder.trim_start_matches('/'))
}

fn finish(
    folder: Folder,
    newest_change_ms: u64,
    pages: usize,
    notes: Vec<String>,
) -> Result<Written, SiteError> {
    let files = folder.files()?;
    let (model, mut others): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|(file, _)| is_of_model(file));
    let sum = |files: &[(String, u64)]| files.iter().map(|(_, bytes)| bytes).sum::<u64>();
    let bytes_without_model = sum(&others);
    let mark = Mark {
        pages: pages as u64,
        files: (model.len() + others.len()) as u64,
        bytes: bytes_without_model + sum(&model),
        bytes_without_model,
        ..Mark::new(newest_change_ms)
    };
    let mut text = serde_json::to_vec_pretty(&mark)
        .map_err(|error| SiteError::write(&folder.path(MARK), io::Error::other(error)))?;
    text.push(b'\n');
    folder.write(MARK, &text)?;
    folder.place()?;
    others.sort_by_key(|(file, bytes)| (std::cmp::Reverse(*bytes), file.clone()));
    others.truncate(SITE_LARGEST_TOLD);
    Ok(Written {
        mark,
        largest: others,
        notes,
    })
}
