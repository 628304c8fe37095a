//! The queue: takes jobs in their order, watches over their processes, and notes how they ended.

use super::process::{Ending, Process};
use super::request::{JobRequest, RequestError};
use super::{log, secret, stage};
use crate::db::{Database, DatabaseError, JobRow, JobState};
use crate::limits::{
    ADOPTED_EVERY_MS, CLAIM_MS_MAX, JOB_GRACE_SECONDS, JOBS_QUEUED_MAX, QUEUE_EVERY_MS,
};
use crate::runs::library::{self, now_ms};
use app::view::JobLog;
use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// The folder of the jobs' configurations and logs, in the folder of runs.
const JOBS_FOLDER: &str = ".jobs";

/// What is said of a job that was stopped while it ran.
const CANCELLED: &str = "it was cancelled; start it again, and it goes on where it stopped";

/// What the queue works with.
#[derive(Clone, Debug)]
pub struct Place {
    /// The command line program.
    pub program: PathBuf,
    /// The folder that runs are written to.
    pub runs: PathBuf,
    /// Jobs that run at once.
    pub at_once: usize,
}

/// Why a request about jobs is refused.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error("{0} jobs are waiting already")]
    Full(i64),
    #[error("the run {0:?} has a job already")]
    Busy(String),
    #[error("no job has the id {0:?}")]
    Unknown(String),
    #[error("the job is {0}")]
    WrongState(&'static str),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// The queue. Cheap to clone.
#[derive(Clone)]
pub struct Jobs {
    inner: Arc<Inner>,
}

struct Inner {
    database: Database,
    place: Place,
    host: String,
    wake: Notify,
    /// Asks the watcher of a running job to stop it.
    running: Mutex<HashMap<String, Arc<Notify>>>,
    /// What the newest job of a run says of its process.
    processes: Mutex<HashMap<String, library::Process>>,
    /// Adding and queueing again look first and write then: one at a time.
    adding: tokio::sync::Mutex<()>,
    stopping: watch::Receiver<bool>,
    /// Told whenever a watcher has ended.
    ended: Notify,
}

impl Jobs {
    /// Takes up what an earlier server left: a process that still lives is watched on, one that does
    /// not is told as it ended. Then starts what waits.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn start(
        database: Database,
        place: Place,
        stopping: watch::Receiver<bool>,
    ) -> Result<Self, DatabaseError> {
        let host = rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned();
        let jobs = Jobs {
            inner: Arc::new(Inner {
                database,
                place,
                host,
                wake: Notify::new(),
                running: Mutex::default(),
                processes: Mutex::default(),
                adding: tokio::sync::Mutex::default(),
                stopping,
                ended: Notify::new(),
            }),
        };
        for job in jobs.inner.database.latest_jobs().await? {
            jobs.note(&job);
        }
        jobs.take_up().await?;
        tokio::spawn(jobs.clone().serve());
        Ok(jobs)
    }

    /// Takes up the jobs of this machine that nobody here watches: those of a server that is gone, and
    /// those of another that is there. A process that lives is watched, one that does not is told as it
    /// ended.
    async fn take_up(&self) -> Result<(), DatabaseError> {
        for job in self.inner.database.jobs_in(JobState::Running).await? {
            // Another machine's processes are its own server's business.
            if job.host != self.inner.host || lock(&self.inner.running).contains_key(&job.id) {
                continue;
            }
            // Whoever has just taken it notes its process in a moment.
            let age_ms = (now_ms() as i64).saturating_sub(job.started_ms.unwrap_or(0));
            if job.pid.is_none() && age_ms < CLAIM_MS_MAX {
                continue;
            }
            let process = job
                .pid
                .and_then(|pid| Process::adopt(pid, job.process_start.as_deref()));
            match process {
                Some(process) => self.watch(job, process),
                None => self.end_seen(&job, Ending::Unknown).await?,
            }
        }
        Ok(())
    }

    async fn serve(self) {
        let mut stopping = self.inner.stopping.clone();
        loop {
            if *stopping.borrow() {
                return;
            }
            let looked = async {
                self.take_up().await?;
                self.start_waiting().await
            };
            if let Err(error) = looked.await {
                tracing::error!(%error, "waiting jobs cannot be started: {error}");
            }
            tokio::select! {
                () = self.inner.wake.notified() => {}
                // Another server may have queued one, and be gone.
                () = tokio::time::sleep(Duration::from_millis(QUEUE_EVERY_MS)) => {}
                _ = stopping.changed() => return,
            }
        }
    }

    async fn start_waiting(&self) -> Result<(), DatabaseError> {
        for job in self.inner.database.jobs_in(JobState::Queued).await? {
            if lock(&self.inner.running).len() >= self.inner.place.at_once {
                return Ok(());
            }
            if !self
                .inner
                .database
                .claim_job(&job.id, &self.inner.host, now_ms() as i64)
                .await?
            {
                continue;
            }
            match self.start_process(&job) {
                Ok(process) => {
                    let pid = process.pid();
                    tracing::info!(job = job.id, pid, "job {} runs as process {pid}", job.id);
                    self.watch(job, process);
                }
                Err(error) => {
                    let error = format!(
                        "{} cannot be started: {error}. Build it by `cargo build --release -p sayself`, or name it by --sayself PATH.",
                        self.inner.place.program.display()
                    );
                    self.close(&job, JobState::Failed, None, Some(error))
                        .await?;
                }
            }
        }
        Ok(())
    }

    fn start_process(&self, job: &JobRow) -> io::Result<Process> {
        let folder = self.inner.place.runs.join(JOBS_FOLDER);
        std::fs::create_dir_all(&folder)?;
        let config = folder.join(format!("{}.toml", job.id));
        let unfinished = folder.join(format!("{}.toml.new", job.id));
        std::fs::write(&unfinished, &job.config)?;
        std::fs::rename(&unfinished, &config)?;
        Process::start(
            &self.inner.place.program,
            &arguments(&config, Path::new(&job.directory), &job.stage),
            &self.log_path(&job.id),
        )
    }

    /// The command line of a job as one would type it; before it has an id, with a word in the place of
    /// its configuration's file.
    pub fn command(&self, id: Option<&str>, run_id: &str, stage: &str) -> String {
        let runs = &self.inner.place.runs;
        let config = match id {
            Some(id) => runs.join(JOBS_FOLDER).join(format!("{id}.toml")),
            None => PathBuf::from("CONFIG.toml"),
        };
        let arguments = arguments(&config, &runs.join(run_id), stage);
        let program = self.inner.place.program.clone().into_os_string();
        let words: Vec<String> = [program]
            .iter()
            .chain(&arguments)
            .map(|word| typed(&word.to_string_lossy()))
            .collect();
        words.join(" ")
    }

    fn log_path(&self, id: &str) -> PathBuf {
        self.inner
            .place
            .runs
            .join(JOBS_FOLDER)
            .join(format!("{id}.log"))
    }

    fn watch(&self, job: JobRow, mut process: Process) {
        let stop = Arc::new(Notify::new());
        {
            let mut running = lock(&self.inner.running);
            if running.contains_key(&job.id) {
                return;
            }
            running.insert(job.id.clone(), Arc::clone(&stop));
        }
        lock(&self.inner.processes).insert(job.run_id.clone(), library::Process::Lives);
        let jobs = self.clone();
        tokio::spawn(async move {
            let mut stopping = jobs.inner.stopping.clone();
            let ending = tokio::select! {
                ending = jobs.ending_of(&job.id, &mut process) => Some(ending),
                () = stop.notified() => None,
                // The sender lives as long as the server.
                _ = stopping.wait_for(|stopping| *stopping) => None,
            };
            let interrupted = *stopping.borrow();
            let result = match ending {
                Some(ending) => jobs.end_seen(&job, ending.unwrap_or(Ending::Unknown)).await,
                None => {
                    // The server that it is a child of would take its end for a failure.
                    if matches!(process, Process::Adopted { .. }) && !interrupted {
                        let error = Some(CANCELLED.to_owned());
                        let noted = jobs.close(&job, JobState::Cancelled, None, error).await;
                        if let Err(error) = noted {
                            tracing::error!(job = job.id, %error, "the end of job {} cannot be noted: {error}", job.id);
                        }
                    }
                    process.ask_to_stop();
                    let grace = Duration::from_secs(if interrupted {
                        JOB_GRACE_SECONDS / 2
                    } else {
                        JOB_GRACE_SECONDS
                    });
                    if tokio::time::timeout(grace, process.wait()).await.is_err() {
                        process.stop_at_once();
                        if let Err(error) = process.wait().await {
                            tracing::warn!(%error, "job {} cannot be waited for", job.id);
                        }
                    }
                    let (state, error) = if interrupted {
                        (
                            JobState::Interrupted,
                            "the server stopped while it ran; start it again, and it goes on where it stopped",
                        )
                    } else {
                        (JobState::Cancelled, CANCELLED)
                    };
                    jobs.close(&job, state, None, Some(error.into())).await
                }
            };
            if let Err(error) = result {
                tracing::error!(job = job.id, %error, "the end of job {} cannot be noted: {error}", job.id);
            }
            lock(&jobs.inner.running).remove(&job.id);
            jobs.inner.ended.notify_waiters();
            jobs.inner.wake.notify_one();
        });
    }

    /// Waits for the end of a process. May be dropped and called again. One that was started here is noted
    /// meanwhile, so that the next server finds it.
    async fn ending_of(&self, id: &str, process: &mut Process) -> io::Result<Ending> {
        if matches!(process, Process::Child { .. }) {
            let pid = process.pid();
            tokio::select! {
                ending = process.wait() => return ending,
                () = self.note_process(id, pid) => {}
            }
        }
        process.wait().await
    }

    /// Notes the process of a job, again and again until the database takes it.
    async fn note_process(&self, id: &str, pid: i32) {
        let start = super::process::start_of(pid);
        let database = &self.inner.database;
        while let Err(error) = database.note_process(id, pid.into(), start.clone()).await {
            tracing::error!(job = id, %error, "the process of job {id} cannot be noted yet: {error}");
            tokio::time::sleep(Duration::from_millis(QUEUE_EVERY_MS)).await;
        }
    }

    /// Notes how a process ended that was watched. What another server's child ended with is that
    /// server's to say: it is given the time for it.
    async fn end_seen(&self, job: &JobRow, ending: Ending) -> Result<(), DatabaseError> {
        if ending == Ending::Unknown {
            tokio::time::sleep(Duration::from_millis(ADOPTED_EVERY_MS * 2)).await;
            let now = self.inner.database.job(&job.id).await?;
            if let Some(now) = now.filter(|now| now.state.is_over()) {
                self.note(&now);
                return Ok(());
            }
        }
        self.end(job, ending).await
    }

    /// Notes how a process ended by itself.
    async fn end(&self, job: &JobRow, ending: Ending) -> Result<(), DatabaseError> {
        let (state, code, error) = match ending {
            Ending::Exited(0) => (JobState::Finished, Some(0), None),
            Ending::Exited(code) => (JobState::Failed, Some(code.into()), Some(self.last_words(job, &format!("exit code {code}")))),
            Ending::Killed => (JobState::Failed, None, Some(self.last_words(job, "it was killed"))),
            // Nobody saw its exit code: the run directory is the truth.
            Ending::Unknown if self.is_run_finished(job) => (JobState::Finished, None, None),
            Ending::Unknown => (
                JobState::Interrupted,
                None,
                Some("its process went away while no server watched; start it again, and it goes on where it stopped".into()),
            ),
        };
        self.close(job, state, code, error).await
    }

    fn is_run_finished(&self, job: &JobRow) -> bool {
        let Ok(directory) = Path::new(&job.directory).canonicalize() else {
            return false;
        };
        let facts =
            crate::runs::facts::read(&directory, crate::runs::progress::Progress::default());
        if job.stage != stage::WHOLE {
            let since_ms = job.started_ms.unwrap_or(0).max(0) as u64;
            return facts.trouble.is_none()
                && facts.progress.has_stopped_after(&job.stage, since_ms);
        }
        facts.trouble.is_none()
            && matches!(
                facts.progress.state(facts.complete, true, now_ms()),
                app::view::RunState::Finished
            )
    }

    fn last_words(&self, job: &JobRow, how: &str) -> String {
        // It is over, whatever the row said when it began.
        match self.log_before(job, None, false).lines.last() {
            Some(last) => format!("{how}: {}", last.trim()),
            None => how.to_owned(),
        }
    }

    async fn close(
        &self,
        job: &JobRow,
        state: JobState,
        code: Option<i64>,
        error: Option<String>,
    ) -> Result<(), DatabaseError> {
        let now = now_ms();
        lock(&self.inner.processes).insert(job.run_id.clone(), ended(state, now, error.as_deref()));
        tracing::info!(job = job.id, ?state, "job {} is over: {state:?}", job.id);
        self.inner
            .database
            .end_job(&job.id, JobState::Running, state, code, error, now as i64)
            .await?;
        Ok(())
    }

    fn note(&self, job: &JobRow) {
        let process = match job.state {
            JobState::Running => library::Process::Lives,
            // Before its first start there is nothing to say.
            JobState::Queued => return,
            state => ended(
                state,
                job.ended_ms.unwrap_or(0).max(0) as u64,
                job.error.as_deref(),
            ),
        };
        lock(&self.inner.processes).insert(job.run_id.clone(), process);
    }

    /// What the newest job of a run says of its process; `None` where it has none.
    pub fn process_of(&self, run_id: &str) -> Option<library::Process> {
        lock(&self.inner.processes).get(run_id).cloned()
    }

    /// Adds a job. `is_run` tells which ids are taken by runs.
    ///
    /// # Errors
    /// Where the request is refused.
    pub async fn add(
        &self,
        request: &JobRequest,
        is_run: impl Fn(&str) -> bool,
    ) -> Result<JobRow, JobError> {
        let config = request.config_text()?;
        let stage = request.stage()?;
        let _adding = self.inner.adding.lock().await;
        let run_id = self.free_run(request, is_run).await?;
        let runs = &self.inner.place.runs;
        let job = JobRow {
            id: uuid::Uuid::now_v7().to_string(),
            directory: runs.join(&run_id).display().to_string(),
            run_id,
            config,
            stage: stage.to_owned(),
            state: JobState::Queued,
            attempt: 1,
            host: self.inner.host.clone(),
            pid: None,
            process_start: None,
            exit_code: None,
            error: None,
            created_ms: now_ms() as i64,
            started_ms: None,
            ended_ms: None,
        };
        self.inner.database.add_job(&job).await?;
        self.inner.wake.notify_one();
        Ok(job)
    }

    /// The run that a request would write, were it added now.
    ///
    /// # Errors
    /// As [`Jobs::add`].
    pub async fn free_run(
        &self,
        request: &JobRequest,
        is_run: impl Fn(&str) -> bool,
    ) -> Result<String, JobError> {
        let mut open = self.inner.database.jobs_in(JobState::Queued).await?;
        if open.len() as i64 >= JOBS_QUEUED_MAX {
            return Err(JobError::Full(JOBS_QUEUED_MAX));
        }
        open.extend(self.inner.database.jobs_in(JobState::Running).await?);
        let has_job = |id: &str| open.iter().any(|job| job.run_id == id);
        if let Some(out) = request.out.as_deref().filter(|out| has_job(out)) {
            return Err(JobError::Busy(out.to_owned()));
        }
        let runs = &self.inner.place.runs;
        let id = request
            .run_id(|id| has_job(id) || is_run(id) || runs.join(id).symlink_metadata().is_ok())?;
        Ok(id)
    }

    /// One job.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn job(&self, id: &str) -> Result<JobRow, JobError> {
        self.inner
            .database
            .job(id)
            .await?
            .ok_or_else(|| JobError::Unknown(id.to_owned()))
    }

    /// The newest jobs before `before`, all or those in a state.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list(
        &self,
        state: Option<JobState>,
        before: Option<&str>,
        limit: i64,
    ) -> Result<Vec<JobRow>, JobError> {
        Ok(self.inner.database.jobs(state, before, limit).await?)
    }

    /// How many jobs are in each state that any is in.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn counts(&self) -> Result<Vec<(JobState, u64)>, JobError> {
        Ok(self.inner.database.count_jobs().await?)
    }

    /// The ids of the jobs that wait, the next first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn waiting(&self) -> Result<Vec<String>, JobError> {
        let waiting = self.inner.database.jobs_in(JobState::Queued).await?;
        Ok(waiting.into_iter().map(|job| job.id).collect())
    }

    /// Jobs that run at once.
    pub fn at_once(&self) -> usize {
        self.inner.place.at_once
    }

    /// The folder that runs are written to.
    pub fn runs_folder(&self) -> &Path {
        &self.inner.place.runs
    }

    /// The lines of a job's log that end before a byte, or the last ones, without any key; empty where
    /// there is none. Blocks on the file system.
    pub fn log(&self, job: &JobRow, before: Option<u64>) -> JobLog {
        self.log_before(job, before, !job.state.is_over())
    }

    fn log_before(&self, job: &JobRow, before: Option<u64>, grows: bool) -> JobLog {
        let mut log = self
            .with_log(job, |folder, path| log::before(folder, path, before, grows))
            .unwrap_or_default();
        let keys = secret::keys_of(&job.config);
        for line in &mut log.lines {
            *line = secret::hidden(line, &keys);
        }
        log
    }

    /// The whole lines of a job's log from a byte on, without any key, and the byte after them. Blocks
    /// on the file system.
    pub fn log_after(&self, job: &JobRow, from: u64) -> (Vec<String>, u64) {
        let (lines, end) = self
            .with_log(job, |folder, path| log::after(folder, path, from))
            .unwrap_or((Vec::new(), from));
        let keys = secret::keys_of(&job.config);
        let lines = lines.iter().map(|line| secret::hidden(line, &keys));
        (lines.collect(), end)
    }

    /// A log that cannot be read is one without lines: the job's state says what there is to say.
    fn with_log<T>(
        &self,
        job: &JobRow,
        read: impl FnOnce(&Path, &Path) -> io::Result<T>,
    ) -> Option<T> {
        let folder = self.inner.place.runs.canonicalize().ok()?;
        let path = folder.join(JOBS_FOLDER).join(format!("{}.log", job.id));
        read(&folder, &path).ok()
    }

    /// Stops a job that waits or runs, and waits until it has stopped.
    ///
    /// # Errors
    /// Where it is over.
    pub async fn cancel(&self, id: &str) -> Result<JobRow, JobError> {
        let job = self.job(id).await?;
        let now = now_ms() as i64;
        let error = Some("it was cancelled before it began".to_owned());
        if self
            .inner
            .database
            .end_job(id, JobState::Queued, JobState::Cancelled, None, error, now)
            .await?
        {
            return self.job(id).await;
        }
        // It may have been started by another server on this machine.
        self.take_up().await?;
        let stop = lock(&self.inner.running).get(id).cloned();
        let Some(stop) = stop else {
            return Err(JobError::WrongState(if job.state.is_over() {
                "over"
            } else {
                "another server's"
            }));
        };
        stop.notify_one();
        let end = tokio::time::Instant::now() + Duration::from_secs(JOB_GRACE_SECONDS * 2);
        while lock(&self.inner.running).contains_key(id) && tokio::time::Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.job(id).await
    }

    /// Puts a job that failed, was cancelled or interrupted back into the queue; its run goes on
    /// where it stopped.
    ///
    /// # Errors
    /// Where it is not over, or finished.
    pub async fn retry(&self, id: &str) -> Result<JobRow, JobError> {
        let job = self.job(id).await?;
        // It may be noted as over while its process is still on its way out.
        let end = tokio::time::Instant::now() + Duration::from_secs(JOB_GRACE_SECONDS * 2);
        while job.state.is_over()
            && lock(&self.inner.running).contains_key(id)
            && tokio::time::Instant::now() < end
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let _adding = self.inner.adding.lock().await;
        let mut open = self.inner.database.jobs_in(JobState::Queued).await?;
        if open.len() as i64 >= JOBS_QUEUED_MAX {
            return Err(JobError::Full(JOBS_QUEUED_MAX));
        }
        open.extend(self.inner.database.jobs_in(JobState::Running).await?);
        if open
            .iter()
            .any(|other| other.run_id == job.run_id && other.id != job.id)
        {
            return Err(JobError::Busy(job.run_id));
        }
        if !self.inner.database.queue_again(id).await? {
            return Err(JobError::WrongState(if job.state == JobState::Finished {
                "finished"
            } else {
                "not over"
            }));
        }
        lock(&self.inner.processes).remove(&job.run_id);
        self.inner.wake.notify_one();
        self.job(id).await
    }

    /// Waits until every process has been stopped; the server has said that it is stopping.
    pub async fn stopped(&self) {
        loop {
            let ended = self.inner.ended.notified();
            if lock(&self.inner.running).is_empty() {
                return;
            }
            ended.await;
        }
    }
}

/// `run CONFIG --out DIRECTORY`, and where it stops.
fn arguments(config: &Path, directory: &Path, stage: &str) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec![
        "run".into(),
        config.into(),
        "--out".into(),
        directory.into(),
    ];
    if stage != stage::WHOLE {
        arguments.extend(["--until".into(), stage.into()]);
    }
    arguments
}

/// A word as a shell takes it for one.
fn typed(word: &str) -> String {
    let is_plain = !word.is_empty()
        && word
            .chars()
            .all(|letter| letter.is_alphanumeric() || "._-/+:@=,".contains(letter));
    match is_plain {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

fn ended(state: JobState, at_ms: u64, error: Option<&str>) -> library::Process {
    match (state, error) {
        (JobState::Finished, _) => library::Process::Succeeded,
        (_, Some(error)) => library::Process::Ended {
            at_ms,
            reason: error.to_owned(),
        },
        (_, None) => library::Process::Ended {
            at_ms,
            reason: "its process ended".to_owned(),
        },
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change under these locks is one step: a panic leaves nothing half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_is_as_one_types_it() {
        let words = arguments(Path::new("a b.toml"), Path::new("runs/it's"), "sft");
        let words: Vec<String> = words
            .iter()
            .map(|word| typed(&word.to_string_lossy()))
            .collect();
        assert_eq!(
            words.join(" "),
            r"run 'a b.toml' --out 'runs/it'\''s' --until sft"
        );
        assert_eq!(arguments(Path::new("a"), Path::new("b"), "run").len(), 4);
    }
}
