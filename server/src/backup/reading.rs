//! A backup as it is read: whole and unaltered, or refused.

use super::{BackupError, FORMAT, Footer, Head, Header, Summary, VERSION, hex};
use crate::db::{Part, newest_migration};
use crate::limits::BACKUP_LINE_BYTES_MAX;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Bytes of a first line.
const HEADER_BYTES_MAX: u64 = 4_096;

/// The lines of a backup, none longer than may be.
pub struct Lines {
    path: PathBuf,
    from: BufReader<File>,
    hash: Sha256,
    number: u64,
    bytes: u64,
}

impl Lines {
    pub fn open(path: &Path) -> Result<Self, BackupError> {
        let file = File::open(path).map_err(|source| BackupError::Read {
            path: path.into(),
            source,
        })?;
        Ok(Lines {
            path: path.into(),
            from: BufReader::new(file),
            hash: Sha256::new(),
            number: 0,
            bytes: 0,
        })
    }

    /// The next line with its end; empty at the end of the file. It is not hashed yet.
    fn next(&mut self) -> Result<Vec<u8>, BackupError> {
        let mut line = Vec::new();
        (&mut self.from)
            .take(BACKUP_LINE_BYTES_MAX)
            .read_until(b'\n', &mut line)
            .map_err(|source| BackupError::Read {
                path: self.path.clone(),
                source,
            })?;
        if line.is_empty() {
            return Ok(line);
        }
        self.number += 1;
        self.bytes += line.len() as u64;
        if line.last() != Some(&b'\n') {
            return Err(if line.len() as u64 == BACKUP_LINE_BYTES_MAX {
                self.altered(format!(
                    "line {} is longer than {BACKUP_LINE_BYTES_MAX} bytes",
                    self.number
                ))
            } else {
                self.number -= 1;
                self.torn()
            });
        }
        Ok(line)
    }

    /// The first line, which must be read before all others.
    pub fn header(&mut self) -> Result<Header, BackupError> {
        let no_backup = || BackupError::NoBackup(self.path.clone());
        let mut line = Vec::new();
        // No look at more of what may be anything.
        let read = (&mut self.from)
            .take(HEADER_BYTES_MAX)
            .read_until(b'\n', &mut line);
        if let Err(source) = read {
            return Err(BackupError::Read {
                path: self.path.clone(),
                source,
            });
        }
        let header: Header = serde_json::from_slice(&line).map_err(|_| no_backup())?;
        if header.format != FORMAT {
            return Err(no_backup());
        }
        let newest = newest_migration();
        if header.version > VERSION || header.migration > newest {
            return Err(BackupError::Newer {
                path: self.path.clone(),
                found: format!("form {}, migration {}", header.version, header.migration),
                known: format!("form {VERSION}, migration {newest}"),
            });
        }
        self.hash.update(&line);
        self.number = 1;
        self.bytes = line.len() as u64;
        if line.last() != Some(&b'\n') {
            return Err(self.torn());
        }
        Ok(header)
    }

    fn torn(&self) -> BackupError {
        BackupError::Torn {
            path: self.path.clone(),
            lines: self.number,
            bytes: self.bytes,
        }
    }

    fn altered(&self, what: String) -> BackupError {
        BackupError::Altered {
            path: self.path.clone(),
            what,
        }
    }
}

/// The parts of a backup after its header; at the end all is held against the last line.
pub struct Parts {
    lines: Lines,
    columns: usize,
    rows: u64,
    tables: BTreeMap<String, u64>,
    table: Option<String>,
    /// What the SHA-256 must be besides what the last line says.
    pub wanted: Option<String>,
    footer: Option<Footer>,
    is_over: bool,
}

impl Parts {
    pub fn new(lines: Lines) -> Self {
        Parts {
            lines,
            columns: 0,
            rows: 0,
            tables: BTreeMap::new(),
            table: None,
            wanted: None,
            footer: None,
            is_over: false,
        }
    }

    /// `None` after the last line, which must be the file's last.
    fn read(&mut self) -> Result<Option<Part>, BackupError> {
        let line = self.lines.next()?;
        let number = self.lines.number;
        match line.first() {
            None => Err(self.lines.torn()),
            Some(b'[') => {
                let cells: Vec<serde_json::Value> =
                    serde_json::from_slice(&line).map_err(|error| {
                        self.lines
                            .altered(format!("line {number} is no row: {error}"))
                    })?;
                let Some(table) = &self.table else {
                    return Err(self
                        .lines
                        .altered(format!("line {number} is a row of no table")));
                };
                if cells.len() != self.columns {
                    return Err(self.lines.altered(format!(
                        "line {number} has {} values, and {table} {} columns",
                        cells.len(),
                        self.columns
                    )));
                }
                self.rows += 1;
                *self.tables.entry(table.clone()).or_default() += 1;
                self.lines.hash.update(&line);
                Ok(Some(Part::Row(cells)))
            }
            Some(_) => {
                if let Ok(head) = serde_json::from_slice::<Head>(&line) {
                    if self.tables.insert(head.table.clone(), 0).is_some() {
                        return Err(self
                            .lines
                            .altered(format!("line {number} begins {} again", head.table)));
                    }
                    self.columns = head.columns.len();
                    self.table = Some(head.table.clone());
                    self.lines.hash.update(&line);
                    return Ok(Some(Part::Table {
                        name: head.table,
                        columns: head.columns,
                    }));
                }
                let footer: Footer = serde_json::from_slice(&line).map_err(|error| {
                    self.lines.altered(format!(
                        "line {number} is neither a row, nor a table, nor the last line: {error}"
                    ))
                })?;
                self.end(&line, footer)?;
                Ok(None)
            }
        }
    }

    fn end(&mut self, line: &[u8], footer: Footer) -> Result<(), BackupError> {
        let found = hex(&self.lines.hash.clone().finalize());
        if footer.sha256 != found {
            return Err(self.lines.altered(format!(
                "its SHA-256 is {found}, and its last line says {}",
                footer.sha256
            )));
        }
        if self.wanted.as_ref().is_some_and(|wanted| *wanted != found) {
            return Err(self.lines.altered("it changed while it was read".into()));
        }
        if footer.rows != self.rows || footer.tables != self.tables {
            return Err(self.lines.altered(format!(
                "it has {} rows, and its last line counts {}",
                self.rows, footer.rows
            )));
        }
        // Byte for byte, as nothing else vouches for this line.
        let mut written = serde_json::to_vec(&footer).unwrap_or_default();
        written.push(b'\n');
        if written != line {
            return Err(self
                .lines
                .altered("its last line is not as it was written".into()));
        }
        if !self.lines.next()?.is_empty() {
            return Err(self.lines.altered("it goes on after its last line".into()));
        }
        self.footer = Some(footer);
        Ok(())
    }

    /// Once all parts were read.
    pub fn summary(self, header: Header) -> Result<Summary, BackupError> {
        let Some(footer) = self.footer else {
            return Err(self.lines.torn());
        };
        Ok(Summary {
            header,
            bytes: self.lines.bytes,
            rows: footer.rows,
            tables: footer.tables,
            sha256: footer.sha256,
        })
    }
}

impl Iterator for Parts {
    type Item = Result<Part, BackupError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let part = self.read().transpose();
        self.is_over = !matches!(part, Some(Ok(_)));
        part
    }
}
