//! The folder of a site: written beside its place under another name, and moved there once it is whole.

use super::SiteError;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The file by which a folder is known to be a site that may be replaced.
pub const MARK: &str = "sayself-site.json";
/// What it calls itself.
const FORMAT: &str = "sayself site";

/// What a site is, in [`MARK`]. It says nothing of when it was written: the same runs make the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub format: String,
    /// The program that wrote it.
    pub made_by: String,
    /// Milliseconds since the epoch of the runs' newest change.
    pub newest_change_ms: u64,
    pub pages: u64,
    /// Files, the pages among them and this one not.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The same without the demo's model.
    pub bytes_without_model: u64,
}

impl Mark {
    pub fn new(newest_change_ms: u64) -> Self {
        Mark {
            format: FORMAT.into(),
            made_by: format!("sayself-server {}", env!("CARGO_PKG_VERSION")),
            newest_change_ms,
            pages: 0,
            files: 0,
            bytes: 0,
            bytes_without_model: 0,
        }
    }
}

/// A folder that is not in its place yet; it is removed unless it gets there.
pub struct Folder {
    out: PathBuf,
    part: PathBuf,
    is_placed: bool,
}

impl Folder {
    /// Begins a site that is to lie at `out`, which is not there, empty, or an earlier site.
    ///
    /// # Errors
    /// Where something else lies there, or nothing can be written beside it.
    pub fn begin(out: &Path) -> Result<Self, SiteError> {
        may_be_replaced(out)?;
        let part = beside(out, "part")?;
        fs::create_dir(&part).map_err(|source| SiteError::write(&part, source))?;
        Ok(Folder {
            out: out.to_owned(),
            part,
            is_placed: false,
        })
    }

    /// A file of the site, as it is written.
    pub fn path(&self, file: &str) -> PathBuf {
        self.part.join(file)
    }

    /// Makes a file with the folders above it.
    ///
    /// # Errors
    /// Those of writing.
    pub fn create(&self, file: &str) -> Result<BufWriter<File>, SiteError> {
        let path = self.path(file);
        let folder = path.parent().unwrap_or(&self.part);
        fs::create_dir_all(folder)
            .and_then(|()| File::create(&path))
            .map(BufWriter::new)
            .map_err(|source| SiteError::write(&path, source))
    }

    /// Writes a whole file.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write(&self, file: &str, bytes: &[u8]) -> Result<(), SiteError> {
        let mut out = self.create(file)?;
        out.write_all(bytes)
            .and_then(|()| out.flush())
            .map_err(|source| SiteError::write(&self.path(file), source))
    }

    /// # Errors
    /// Those of reading what was written.
    pub fn read(&self, file: &str) -> Result<String, SiteError> {
        let path = self.path(file);
        fs::read_to_string(&path).map_err(|source| SiteError::read(&path, source))
    }

    /// All files and their bytes, by name.
    ///
    /// # Errors
    /// Those of reading folders.
    pub fn files(&self) -> Result<Vec<(String, u64)>, SiteError> {
        files_below(&self.part).map_err(|source| SiteError::read(&self.part, source))
    }

    /// Puts the site into its place; an earlier one there is removed.
    ///
    /// # Errors
    /// Those of renaming; then what lay there lies there still.
    pub fn place(mut self) -> Result<(), SiteError> {
        let failed = |source| SiteError::write(&self.out, source);
        may_be_replaced(&self.out)?;
        if !self.out.exists() {
            fs::rename(&self.part, &self.out).map_err(failed)?;
            self.is_placed = true;
            return Ok(());
        }
        let old = beside(&self.out, "old")?;
        fs::rename(&self.out, &old).map_err(failed)?;
        if let Err(source) = fs::rename(&self.part, &self.out) {
            // Back as it was.
            let _ = fs::rename(&old, &self.out);
            return Err(failed(source));
        }
        self.is_placed = true;
        fs::remove_dir_all(&old).map_err(|source| SiteError::write(&old, source))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.is_placed {
            // What remains is no site, whatever becomes of it.
            let _ = fs::remove_dir_all(&self.part);
        }
    }
}

/// A name beside a folder's own, which nothing has.
fn beside(out: &Path, ending: &str) -> Result<PathBuf, SiteError> {
    let Some(name) = out.file_name().and_then(|name| name.to_str()) else {
        return Err(SiteError::NoName(out.to_owned()));
    };
    Ok(out.with_file_name(format!(".{name}.{}.{ending}", std::process::id())))
}

fn may_be_replaced(out: &Path) -> Result<(), SiteError> {
    let looked = || -> io::Result<Option<&'static str>> {
        let metadata = match out.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            metadata => metadata?,
        };
        if !metadata.is_dir() {
            return Ok(Some("is no folder"));
        }
        if out.read_dir()?.next().is_none() {
            return Ok(None);
        }
        let mark = match fs::read(out.join(MARK)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Some("holds other things than a site of sayself"));
            }
            mark => serde_json::from_slice::<Mark>(&mark?),
        };
        let Some(mark) = mark.ok().filter(|mark| mark.format == FORMAT) else {
            return Ok(Some("has a sayself-site.json that no site has"));
        };
        // The mark itself is not counted in it.
        let is_as_written = files_below(out)?.len() as u64 == mark.files + 1;
        Ok((!is_as_written)
            .then_some("holds a site of sayself, and files were added to it or removed"))
    };
    match looked() {
        Ok(None) => Ok(()),
        Ok(Some(why)) => Err(SiteError::Taken {
            out: out.to_owned(),
            why,
        }),
        Err(source) => Err(SiteError::read(out, source)),
    }
}

/// The files below a folder with their bytes, in the order of their names, which have `/` between their parts.
pub fn files_below(folder: &Path) -> io::Result<Vec<(String, u64)>> {
    let mut files = Vec::new();
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((folder, before)) = folders.pop() {
        for entry in folder.read_dir()? {
            let entry = entry?;
            let name = [&before, &*entry.file_name().to_string_lossy()].concat();
            let metadata = entry.path().metadata()?;
            if metadata.is_dir() {
                folders.push((entry.path(), [&name, "/"].concat()));
            } else {
                files.push((name, metadata.len()));
            }
        }
    }
    // A folder lists its files in no order.
    files.sort_unstable();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(out: &Path) -> Result<(), SiteError> {
        let folder = Folder::begin(out)?;
        folder.write("a/index.html", b"a")?;
        let mark = Mark {
            files: 1,
            ..Mark::new(0)
        };
        folder.write(MARK, &serde_json::to_vec(&mark).unwrap())?;
        folder.place()
    }

    #[test]
    fn only_a_site_as_it_was_written_is_replaced() {
        let base = tempfile::tempdir().unwrap();
        let out = base.path().join("site");
        placed(&out).unwrap();
        placed(&out).unwrap();
        assert_eq!(fs::read_to_string(out.join("a/index.html")).unwrap(), "a");
        fs::write(out.join("CNAME"), "mine").unwrap();
        let refused = placed(&out).unwrap_err().to_string();
        assert!(refused.contains("added"), "{refused}");
        fs::remove_file(out.join(MARK)).unwrap();
        let refused = placed(&out).unwrap_err().to_string();
        assert!(refused.contains("other things"), "{refused}");
        assert!(placed(&out.join("CNAME")).is_err());
        // Nothing is left of what was not done.
        let left: Vec<_> = base.path().read_dir().unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }
}
