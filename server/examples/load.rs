//! Asks a server for one page at a constant rate while watchers follow a run that goes on, and prints as
//! JSON how long the answers took. `cargo xtask bench server` runs it.
//!
//! The load is open: request i is due at start + i / rate, whether or not those before it were answered,
//! and its time counts from when it was due. (A client that waits for one answer before it asks again
//! asks a slow server less: its pauses then stand in no figure. That is *coordinated omission*, Gil Tene,
//! "How NOT to measure latency", 2015; wrk2 measures as we do.)

use clap::Parser;
use serde_json::json;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// An answer that is not there by then is an error.
const ANSWER_SECONDS_MAX: u64 = 10;
/// The unit of time in `/proc/PID/stat` on Linux (`sysconf(_SC_CLK_TCK)`).
const TICKS_A_SECOND: f64 = 100.0;
/// Times at which the memory is looked at.
const LOOKS: u32 = 20;

#[derive(Parser)]
#[command(about = "Asks a server for a page at a constant rate while others follow a run")]
struct Arguments {
    /// HOST:PORT
    #[arg(long)]
    address: String,
    /// The page to ask for
    #[arg(long)]
    page: String,
    /// Requests a second
    #[arg(long, default_value_t = 500)]
    rate: u32,
    /// How long
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Connections that ask for the page
    #[arg(long, default_value_t = 64)]
    connections: u32,
    /// Connections that follow the run
    #[arg(long, default_value_t = 200)]
    watchers: u32,
    /// The id of the run that is followed
    #[arg(long)]
    run: String,
    /// Its log, which grows meanwhile
    #[arg(long)]
    events: PathBuf,
    /// Milliseconds between two lines of the log
    #[arg(long, default_value_t = 500)]
    event_every_ms: u64,
    /// The server's process, whose memory and time are told
    #[arg(long)]
    process: u32,
}

/// What the connections have counted.
#[derive(Default)]
struct Counts {
    /// The next request.
    next: AtomicU64,
    bytes: AtomicU64,
    errors: AtomicU64,
    /// Messages that watchers heard.
    heard: AtomicU64,
    /// Watchers' streams that ended or could not be opened.
    lost: AtomicU64,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let arguments = Arc::new(Arguments::parse());
    let counts = Arc::new(Counts::default());
    let watchers: Vec<_> = (0..arguments.watchers)
        .map(|_| tokio::spawn(watch(Arc::clone(&arguments), Arc::clone(&counts))))
        .collect();
    let growing = tokio::spawn(grow(
        arguments.events.clone(),
        Duration::from_millis(arguments.event_every_ms),
    ));
    // All watchers are there, and the page was drawn once.
    sleep(Duration::from_secs(2)).await;
    let mut first = Connection::open(&arguments.address).await?;
    let (_, page_bytes) = first.get(&arguments.page).await?;

    let begin = Instant::now();
    let end = begin + Duration::from_secs(arguments.seconds.into());
    let askers: Vec<_> = (0..arguments.connections)
        .map(|_| tokio::spawn(ask(Arc::clone(&arguments), Arc::clone(&counts), begin, end)))
        .collect();
    let before = cpu_seconds(arguments.process)?;
    let mut resident = Vec::new();
    for look in 0..=LOOKS {
        sleep_until(begin + (end - begin) * look / LOOKS).await;
        resident.push(resident_megabytes(arguments.process)?);
    }
    let cores = (cpu_seconds(arguments.process)? - before) / f64::from(arguments.seconds);
    let mut times_ms = Vec::new();
    for asker in askers {
        times_ms.extend(asker.await.map_err(io::Error::other)?);
    }
    let took = begin.elapsed().as_secs_f64();
    times_ms.sort_by(f64::total_cmp);
    growing.abort();
    for watcher in watchers {
        watcher.abort();
    }
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let report = json!({
        "requests": times_ms.len(),
        "seconds": took,
        "rate": times_ms.len() as f64 / took,
        "p50_ms": quantile(&times_ms, 0.5),
        "p99_ms": quantile(&times_ms, 0.99),
        "p99_9_ms": quantile(&times_ms, 0.999),
        "max_ms": times_ms.last(),
        "errors": count(&counts.errors),
        "page_bytes": page_bytes,
        "bytes": count(&counts.bytes),
        "watchers": arguments.watchers,
        "messages_heard": count(&counts.heard),
        "watchers_lost": count(&counts.lost),
        "server_cores": cores,
        "resident_mb": resident,
    });
    println!("{report}");
    Ok(())
}

/// The value that a share of all values does not exceed (nearest rank).
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let rank = (share * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted.get(rank - 1).copied()
}

/// Takes one request after another as each is due: the milliseconds from then to the answer's last byte.
async fn ask(
    arguments: Arc<Arguments>,
    counts: Arc<Counts>,
    begin: Instant,
    end: Instant,
) -> Vec<f64> {
    let mut times_ms = Vec::new();
    let mut connection = None;
    loop {
        let number = counts.next.fetch_add(1, Ordering::Relaxed);
        let due = begin + Duration::from_secs_f64(number as f64 / f64::from(arguments.rate));
        if due >= end {
            return times_ms;
        }
        sleep_until(due).await;
        let answer = async {
            let mut open = match connection.take() {
                Some(open) => open,
                None => Connection::open(&arguments.address).await?,
            };
            let (status, bytes) = open.get(&arguments.page).await?;
            if status != 200 {
                return Err(io::Error::other(format!("status {status}")));
            }
            Ok((open, bytes))
        };
        match timeout(Duration::from_secs(ANSWER_SECONDS_MAX), answer).await {
            Ok(Ok((open, bytes))) => {
                connection = Some(open);
                counts.bytes.fetch_add(bytes, Ordering::Relaxed);
            }
            Ok(Err(_)) | Err(_) => {
                counts.errors.fetch_add(1, Ordering::Relaxed);
            }
        }
        times_ms.push(due.elapsed().as_secs_f64() * 1_000.0);
    }
}

/// Follows the run; a stream that ends is opened again and counted.
async fn watch(arguments: Arc<Arguments>, counts: Arc<Counts>) {
    loop {
        let heard = async {
            let mut connection = Connection::open(&arguments.address).await?;
            connection
                .send(&format!("/api/runs/{}/events", arguments.run))
                .await?;
            loop {
                let mut line = String::new();
                if connection.stream.read_line(&mut line).await? == 0 {
                    return Err::<(), io::Error>(io::ErrorKind::UnexpectedEof.into());
                }
                if line.starts_with("data:") {
                    counts.heard.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        let _ = heard.await;
        counts.lost.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_secs(1)).await;
    }
}

/// Writes a line of progress now and then, as a stage does.
async fn grow(events: PathBuf, every: Duration) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).open(events)?;
    let mut done = 0_u64;
    loop {
        done += 1;
        let time_ms = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_millis());
        writeln!(
            file,
            r#"{{"time_ms":{time_ms},"stage":"sample","kind":"progress","done":{done},"total":1000000}}"#
        )?;
        sleep(every).await;
    }
}

/// A kept connection, HTTP/1.1.
struct Connection {
    host: String,
    stream: BufReader<TcpStream>,
}

impl Connection {
    async fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection {
            host: address.to_owned(),
            stream: BufReader::with_capacity(64 * 1024, stream),
        })
    }

    /// As a browser asks.
    async fn send(&mut self, path: &str) -> io::Result<()> {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\r\n",
            self.host
        );
        self.stream.write_all(request.as_bytes()).await
    }

    /// The status, and the bytes of the body as they came.
    async fn get(&mut self, path: &str) -> io::Result<(u16, u64)> {
        self.send(path).await?;
        let status = self.line().await?;
        let status = status
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .ok_or_else(|| io::Error::other(format!("{status:?} is no status line")))?;
        let (mut length, mut chunked) = (0, false);
        loop {
            let line = self.line().await?.to_ascii_lowercase();
            match line.split_once(':') {
                Some(("content-length", bytes)) => {
                    length = bytes.trim().parse().map_err(io::Error::other)?;
                }
                Some(("transfer-encoding", coding)) => chunked = coding.trim() == "chunked",
                Some(_) => {}
                None => break,
            }
        }
        if !chunked {
            self.pass(length).await?;
            return Ok((status, length));
        }
        let mut bytes = 0;
        loop {
            let length = u64::from_str_radix(&self.line().await?, 16).map_err(io::Error::other)?;
            // With the line end after it.
            self.pass(length + 2).await?;
            bytes += length;
            if length == 0 {
                return Ok((status, bytes));
            }
        }
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        line.truncate(line.trim_end().len());
        Ok(line)
    }

    async fn pass(&mut self, bytes: u64) -> io::Result<()> {
        let mut part = (&mut self.stream).take(bytes);
        let passed = tokio::io::copy(&mut part, &mut tokio::io::sink()).await?;
        if passed < bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

/// Resident memory of a process in MB.
fn resident_megabytes(process: u32) -> io::Result<f64> {
    let status =
        std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status"))?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<f64>().ok())
        .ok_or_else(|| io::Error::other("no VmRSS in the process's status"))?;
    Ok(kib * 1024.0 / 1e6)
}

/// Seconds of all cores that a process has used.
fn cpu_seconds(process: u32) -> io::Result<f64> {
    let stat = std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("stat"))?;
    // After the name, which may hold spaces: utime and stime are fields 14 and 15 of all.
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .map_or("", |(_, rest)| rest)
        .split_whitespace()
        .collect();
    let ticks = |index: usize| {
        fields
            .get(index)
            .and_then(|field| field.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    Ok((ticks(11) + ticks(12)) / TICKS_A_SECOND)
}
