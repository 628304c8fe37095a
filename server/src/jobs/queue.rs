//! The queue: takes jobs in their order, watches over their processes, and notes how they ended.

use super::process::{Ending, Process};
use super::request::{JobRequest, RequestError};
use crate::db::{Database, DatabaseError, JobRow, JobState};
use crate::limits::{JOB_GRACE_SECONDS, JOBS_QUEUED_MAX};
use crate::runs::library::{self, now_ms};
use crate::runs::log;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// The folder of the jobs' configurations and logs, in the folder of runs.
const JOBS_FOLDER: &str = ".jobs";

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
        for job in jobs.inner.database.jobs_in(JobState::Running).await? {
            // Another machine's processes are its own server's business.
            if job.host != jobs.inner.host {
                continue;
            }
            let process = job
                .pid
                .and_then(|pid| Process::adopt(pid, job.process_start.as_deref()));
            match process {
                Some(process) => jobs.watch(job, process),
                None => jobs.end(&job, Ending::Unknown).await?,
            }
        }
        tokio::spawn(jobs.clone().serve());
        Ok(jobs)
    }

    async fn serve(self) {
        let mut stopping = self.inner.stopping.clone();
        loop {
            if *stopping.borrow() {
                return;
            }
            if let Err(error) = self.start_waiting().await {
                tracing::error!(%error, "waiting jobs cannot be started: {error}");
            }
            tokio::select! {
                () = self.inner.wake.notified() => {}
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
                    let start = super::process::start_of(pid);
                    self.inner
                        .database
                        .note_process(&job.id, pid.into(), start)
                        .await?;
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
            &config,
            Path::new(&job.directory),
            &self.log_path(&job.id),
        )
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
        lock(&self.inner.running).insert(job.id.clone(), Arc::clone(&stop));
        lock(&self.inner.processes).insert(job.run_id.clone(), library::Process::Lives);
        let jobs = self.clone();
        tokio::spawn(async move {
            let mut stopping = jobs.inner.stopping.clone();
            let ending = tokio::select! {
                ending = process.wait() => Some(ending),
                () = stop.notified() => None,
                // The sender lives as long as the server.
                _ = stopping.wait_for(|stopping| *stopping) => None,
            };
            let interrupted = *stopping.borrow();
            let result = match ending {
                Some(ending) => jobs.end(&job, ending.unwrap_or(Ending::Unknown)).await,
                None => {
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
                        (
                            JobState::Cancelled,
                            "it was cancelled; start it again, and it goes on where it stopped",
                        )
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

    /// Notes how a process ended by itself.
    async fn end(&self, job: &JobRow, ending: Ending) -> Result<(), DatabaseError> {
        let (state, code, error) = match ending {
            Ending::Exited(0) => (JobState::Finished, Some(0), None),
            Ending::Exited(code) => (JobState::Failed, Some(code.into()), Some(self.last_words(&job.id, &format!("exit code {code}")))),
            Ending::Killed => (JobState::Failed, None, Some(self.last_words(&job.id, "it was killed"))),
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
        facts.trouble.is_none()
            && matches!(
                facts.progress.state(facts.complete, true, now_ms()),
                app::view::RunState::Finished
            )
    }

    fn last_words(&self, id: &str, how: &str) -> String {
        let last = self.log(id).last().map(|line| log::cut(line.trim()));
        match last {
            Some(last) => format!("{how}: {last}"),
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
        let _adding = self.inner.adding.lock().await;
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
        let run_id = request
            .run_id(|id| has_job(id) || is_run(id) || runs.join(id).symlink_metadata().is_ok())?;
        let job = JobRow {
            id: uuid::Uuid::now_v7().to_string(),
            directory: runs.join(&run_id).display().to_string(),
            run_id,
            config,
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

    /// The newest jobs before `before`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list(&self, before: Option<&str>, limit: i64) -> Result<Vec<JobRow>, JobError> {
        Ok(self.inner.database.jobs(before, limit).await?)
    }

    /// The end of a job's log, newest last; empty where there is none.
    pub fn log(&self, id: &str) -> Vec<String> {
        let Ok(folder) = self.inner.place.runs.canonicalize() else {
            return Vec::new();
        };
        let path = folder.join(JOBS_FOLDER).join(format!("{id}.log"));
        let lines = log::tail(&folder, &path).unwrap_or_default();
        lines.iter().map(|line| log::cut(line)).collect()
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
