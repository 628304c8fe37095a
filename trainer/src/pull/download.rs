//! A file over HTTP: resumed where it was cut, checked, renamed when whole.

use super::checksum;
use crate::error::Error;
use crate::events;
use anyhow::Context;
use indicatif::ProgressBar;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

/// A host that does not answer within this is taken as unreachable, so that the next source is
/// tried soon.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Without an answer's head for this long, the attempt is given up.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
/// Without a byte for this long, the attempt is given up.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Attempts that follow one another without a byte gained.
const ATTEMPTS_MAX: u32 = 4;
/// Files of unknown size end here.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;

/// What to fetch.
#[derive(Clone, Debug)]
pub struct Download {
    pub url: String,
    /// What the bar calls it.
    pub label: String,
    /// SHA-256 in hex, where it is known beforehand.
    pub sha256: Option<String>,
    /// Size, where it is known beforehand.
    pub bytes: Option<u64>,
    /// Sent to this host alone, not to where it redirects.
    pub headers: Vec<(String, String)>,
}

/// The HTTP client of this program: the system's certificates, `HTTPS_PROXY` and its kin, short
/// connect time-out.
pub fn agent() -> &'static Agent {
    static AGENT: OnceLock<Agent> = OnceLock::new();
    AGENT.get_or_init(|| {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        Agent::config_builder()
            .tls_config(tls)
            .timeout_resolve(Some(CONNECT_TIMEOUT))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(RESPONSE_TIMEOUT))
            .timeout_per_read(Some(READ_TIMEOUT))
            .user_agent(concat!("sayself/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent()
    })
}

/// Why an attempt ended without the whole file.
enum Cut {
    /// Another attempt may go on from there.
    Transient(anyhow::Error),
    /// Trying again is of no use.
    Final(anyhow::Error),
}

/// Fetches to `path`, by way of `path.part`, which a later call goes on from.
///
/// # Errors
/// Where the host cannot be reached, refuses, or gives a file of another SHA-256 or size.
pub fn fetch(download: &Download, path: &Path, quiet: bool) -> anyhow::Result<()> {
    let part_path = part_of(path);
    let bar = events::bar(
        &download.label,
        download.bytes.unwrap_or_default(),
        "bytes",
        quiet,
    );
    let was_begun = part_path
        .metadata()
        .is_ok_and(|metadata| metadata.len() > 0);
    let outcome = fetch_part(download, &part_path, &bar).and_then(|()| check(download, &part_path));
    let outcome = match outcome {
        // What an earlier process left was no beginning of this file.
        Err(error) if was_begun && error.is::<WrongChecksum>() => {
            fetch_part(download, &part_path, &bar).and_then(|()| check(download, &part_path))
        }
        outcome => outcome,
    };
    bar.finish_and_clear();
    if outcome.is_err()
        && part_path
            .metadata()
            .is_ok_and(|metadata| metadata.len() == 0)
    {
        // Nothing to go on from; that it cannot be removed harms nobody.
        let _ = fs::remove_file(&part_path);
    }
    outcome?;
    fs::rename(&part_path, path).map_err(|source| {
        Error::Write {
            path: path.to_path_buf(),
            source,
        }
        .into()
    })
}

#[derive(Debug, thiserror::Error)]
#[error("{url}: SHA-256 {found}, expected {wanted}")]
struct WrongChecksum {
    url: String,
    found: String,
    wanted: String,
}

/// A part of the wrong SHA-256 is removed, so that the next attempt starts anew.
fn check(download: &Download, part_path: &Path) -> anyhow::Result<()> {
    let Some(wanted) = download.sha256.clone() else {
        return Ok(());
    };
    let found = checksum::of_file(part_path)?;
    if found == wanted {
        return Ok(());
    }
    fs::remove_file(part_path).with_context(|| format!("cannot remove {}", part_path.display()))?;
    Err(WrongChecksum {
        url: download.url.clone(),
        found,
        wanted,
    }
    .into())
}

/// Where a file's beginning is kept until it is whole.
pub fn part_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".part");
    path.with_file_name(name)
}

fn fetch_part(download: &Download, part_path: &Path, bar: &ProgressBar) -> anyhow::Result<()> {
    let write_error = |source| Error::Write {
        path: part_path.to_path_buf(),
        source,
    };
    let mut part = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(part_path)
        .map_err(write_error)?;
    let mut attempts_left = ATTEMPTS_MAX;
    loop {
        let start = part.seek(SeekFrom::End(0)).map_err(write_error)?;
        if download.bytes == Some(start) {
            break;
        }
        if download.bytes.is_some_and(|bytes| start > bytes) {
            // Not a beginning of this file.
            part.set_len(0).map_err(write_error)?;
            continue;
        }
        match attempt(download, start, &mut part, part_path, bar) {
            Ok(()) => break,
            Err(Cut::Final(error)) => return Err(error),
            Err(Cut::Transient(error)) => {
                let end = part.seek(SeekFrom::End(0)).map_err(write_error)?;
                attempts_left = if end > start {
                    ATTEMPTS_MAX
                } else {
                    attempts_left - 1
                };
                if attempts_left == 0 || end == 0 {
                    return Err(error);
                }
                std::thread::sleep(Duration::from_millis(500));
            }
        }
    }
    part.sync_all().map_err(write_error)?;
    Ok(())
}

fn attempt(
    download: &Download,
    start: u64,
    part: &mut File,
    part_path: &Path,
    bar: &ProgressBar,
) -> Result<(), Cut> {
    let write_error = |source| {
        Cut::Final(
            Error::Write {
                path: part_path.to_path_buf(),
                source,
            }
            .into(),
        )
    };
    let mut request = agent()
        .get(&download.url)
        .header("Accept-Encoding", "identity");
    for (name, value) in &download.headers {
        request = request.header(name, value);
    }
    if start > 0 {
        request = request.header("Range", format!("bytes={start}-"));
    }
    let response = request.call().map_err(|error| match error {
        ureq::Error::StatusCode(416) if start > 0 => Cut::Transient(anyhow::anyhow!(
            "{}: the file is shorter than the part that was fetched",
            download.url
        )),
        ureq::Error::StatusCode(status) if status < 500 && status != 429 => {
            Cut::Final(anyhow::anyhow!("{}: HTTP status {status}", download.url))
        }
        error => Cut::Transient(anyhow::Error::from(error).context(download.url.clone())),
    });
    let response = match response {
        Ok(response) => response,
        Err(cut) => {
            if start > 0
                && matches!(&cut, Cut::Transient(error) if error.to_string().contains("shorter"))
            {
                part.set_len(0).map_err(write_error)?;
            }
            return Err(cut);
        }
    };
    // A server that does not know ranges answers 200 with the whole file.
    let is_rest = response.status() == 206 && starts_at(&response, start);
    let mut end = if is_rest { start } else { 0 };
    part.set_len(end).map_err(write_error)?;
    part.seek(SeekFrom::Start(end)).map_err(write_error)?;
    let total = response.body().content_length().map(|rest| end + rest);
    if let (Some(total), Some(bytes)) = (total, download.bytes)
        && total != bytes
    {
        return Err(Cut::Final(anyhow::anyhow!(
            "{}: {total} bytes, expected {bytes}",
            download.url
        )));
    }
    if let Some(total) = total {
        bar.set_length(total);
    }
    bar.set_position(end);
    bar.reset_eta();
    let bytes_max = download.bytes.unwrap_or(FILE_BYTES_MAX);
    let mut body = response
        .into_body()
        .into_with_config()
        .limit(u64::MAX)
        .reader();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let bytes = body.read(&mut buffer).map_err(|error| {
            Cut::Transient(anyhow::Error::from(error).context(format!("{}: cut", download.url)))
        })?;
        if bytes == 0 {
            break;
        }
        end += bytes as u64;
        if end > bytes_max {
            return Err(Cut::Final(anyhow::anyhow!(
                "{}: more than {bytes_max} bytes",
                download.url
            )));
        }
        part.write_all(&buffer[..bytes]).map_err(write_error)?;
        bar.set_position(end);
    }
    match download.bytes.or(total) {
        Some(bytes) if end < bytes => Err(Cut::Transient(anyhow::anyhow!(
            "{}: cut after {end} of {bytes} bytes",
            download.url
        ))),
        _ => Ok(()),
    }
}

fn starts_at(response: &ureq::http::Response<ureq::Body>, start: u64) -> bool {
    response
        .headers()
        .get("Content-Range")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("bytes "))
        .and_then(|value| value.split('-').next())
        .is_some_and(|first| first.trim().parse() == Ok(start))
}

/// A small text over HTTP (a package index, a list of files), with its media type.
///
/// # Errors
/// Where it cannot be had, or is longer than `bytes_max`.
pub fn text(
    url: &str,
    headers: &[(String, String)],
    bytes_max: u64,
) -> anyhow::Result<(String, String)> {
    let mut request = agent().get(url);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let mut response = request.call().with_context(|| url.to_owned())?;
    let media_type = response
        .headers()
        .get("Content-Type")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let text = response
        .body_mut()
        .with_config()
        .limit(bytes_max)
        .read_to_string()
        .with_context(|| url.to_owned())?;
    Ok((text, media_type))
}
