//! Jobs, as the database keeps them.

use super::{Database, DatabaseError};
pub use app::view::JobState;
use sqlx::Row;
use sqlx::any::AnyRow;

fn state_from_word(word: &str) -> Result<JobState, DatabaseError> {
    JobState::parse(word).ok_or_else(|| DatabaseError::Foreign(format!("job state {word:?}")))
}

/// One job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    /// UUIDv7: ids sort by time.
    pub id: String,
    /// The run that it writes.
    pub run_id: String,
    /// That run's directory.
    pub directory: String,
    /// The configuration as TOML.
    pub config: String,
    /// `run`, or the stage after which it stops.
    pub stage: String,
    pub state: JobState,
    /// 1 for the first.
    pub attempt: i64,
    pub host: String,
    pub pid: Option<i64>,
    /// When the process of `pid` started, in the system's own words: ids are used again.
    pub process_start: Option<String>,
    pub exit_code: Option<i64>,
    pub error: Option<String>,
    pub created_ms: i64,
    pub started_ms: Option<i64>,
    pub ended_ms: Option<i64>,
}

fn job_from_row(row: &AnyRow) -> Result<JobRow, DatabaseError> {
    let state: String = row.try_get("state")?;
    Ok(JobRow {
        id: row.try_get("id")?,
        run_id: row.try_get("run_id")?,
        directory: row.try_get("directory")?,
        config: row.try_get("config")?,
        stage: row.try_get("stage")?,
        state: state_from_word(&state)?,
        attempt: row.try_get("attempt")?,
        host: row.try_get("host")?,
        pid: row.try_get("pid")?,
        process_start: row.try_get("process_start")?,
        exit_code: row.try_get("exit_code")?,
        error: row.try_get("error")?,
        created_ms: row.try_get("created_ms")?,
        started_ms: row.try_get("started_ms")?,
        ended_ms: row.try_get("ended_ms")?,
    })
}

impl Database {
    /// Adds a job.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn add_job(&self, job: &JobRow) -> Result<(), DatabaseError> {
        sqlx::query(
            "INSERT INTO jobs (id, run_id, directory, config, state, attempt, host, created_ms, stage) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(job.id.clone())
        .bind(job.run_id.clone())
        .bind(job.directory.clone())
        .bind(job.config.clone())
        .bind(job.state.word())
        .bind(job.attempt)
        .bind(job.host.clone())
        .bind(job.created_ms)
        .bind(job.stage.clone())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// One job; `None` where there is none of that id.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn job(&self, id: &str) -> Result<Option<JobRow>, DatabaseError> {
        let row = sqlx::query("SELECT * FROM jobs WHERE id = $1")
            .bind(id.to_owned())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(job_from_row).transpose()
    }

    /// The newest jobs before the id `before`, at most `limit`; only those in `state`, where there is
    /// one.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn jobs(
        &self,
        state: Option<JobState>,
        before: Option<&str>,
        limit: i64,
    ) -> Result<Vec<JobRow>, DatabaseError> {
        // Ids are hexadecimal: in every collation 'g' sorts after them.
        let before = before.unwrap_or("g").replace('\0', "");
        let rows = match state {
            None => {
                sqlx::query("SELECT * FROM jobs WHERE id < $1 ORDER BY id DESC LIMIT $2")
                    .bind(before)
                    .bind(limit)
                    .fetch_all(&self.pool)
                    .await?
            }
            Some(state) => {
                sqlx::query(
                    "SELECT * FROM jobs WHERE id < $1 AND state = $2 ORDER BY id DESC LIMIT $3",
                )
                .bind(before)
                .bind(state.word())
                .bind(limit)
                .fetch_all(&self.pool)
                .await?
            }
        };
        rows.iter().map(job_from_row).collect()
    }

    /// How many jobs are in each state that any is in.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn count_jobs(&self) -> Result<Vec<(JobState, u64)>, DatabaseError> {
        let rows = sqlx::query("SELECT state, COUNT(*) AS jobs FROM jobs GROUP BY state")
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| {
                let (state, jobs): (String, i64) = (row.try_get("state")?, row.try_get("jobs")?);
                Ok((state_from_word(&state)?, jobs.max(0) as u64))
            })
            .collect()
    }

    /// The newest job of each run.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn latest_jobs(&self) -> Result<Vec<JobRow>, DatabaseError> {
        let rows = sqlx::query(
            "SELECT * FROM jobs WHERE id IN (SELECT MAX(id) FROM jobs GROUP BY run_id)",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(job_from_row).collect()
    }

    /// Jobs in a state, the oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn jobs_in(&self, state: JobState) -> Result<Vec<JobRow>, DatabaseError> {
        let rows = sqlx::query("SELECT * FROM jobs WHERE state = $1 ORDER BY created_ms, id")
            .bind(state.word())
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(job_from_row).collect()
    }

    /// Takes a queued job for this host; false where another server was faster or it is gone.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn claim_job(
        &self,
        id: &str,
        host: &str,
        now_ms: i64,
    ) -> Result<bool, DatabaseError> {
        let done = sqlx::query(
            "UPDATE jobs SET state = 'running', host = $1, started_ms = $2, ended_ms = NULL, exit_code = NULL, \
             error = NULL, pid = NULL, process_start = NULL WHERE id = $3 AND state = 'queued'",
        )
        .bind(host.to_owned())
        .bind(now_ms)
        .bind(id.to_owned())
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Notes the process of a running job.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note_process(
        &self,
        id: &str,
        pid: i64,
        process_start: Option<String>,
    ) -> Result<(), DatabaseError> {
        sqlx::query("UPDATE jobs SET pid = $1, process_start = $2 WHERE id = $3")
            .bind(pid)
            .bind(process_start)
            .bind(id.to_owned())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Ends a job that is in state `from`; false where it no longer is.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end_job(
        &self,
        id: &str,
        from: JobState,
        to: JobState,
        exit_code: Option<i64>,
        error: Option<String>,
        now_ms: i64,
    ) -> Result<bool, DatabaseError> {
        let done = sqlx::query(
            "UPDATE jobs SET state = $1, exit_code = $2, error = $3, ended_ms = $4 WHERE id = $5 AND state = $6",
        )
        .bind(to.word())
        .bind(exit_code)
        // PostgreSQL's TEXT cannot hold this character; a log may.
        .bind(error.map(|error| error.replace('\0', "")))
        .bind(now_ms)
        .bind(id.to_owned())
        .bind(from.word())
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Puts a job that is over back into the queue; false where it is not over, or finished.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn queue_again(&self, id: &str) -> Result<bool, DatabaseError> {
        let done = sqlx::query(
            "UPDATE jobs SET state = 'queued', attempt = attempt + 1 \
             WHERE id = $1 AND state IN ('failed', 'cancelled', 'interrupted')",
        )
        .bind(id.to_owned())
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}
