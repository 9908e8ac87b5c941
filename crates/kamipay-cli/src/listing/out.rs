use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::exit::Failure;

/// A file that rows are appended to.
pub(crate) struct OutFile {
    path: PathBuf,
    file: File,
    mark: Mark,
}

/// How much of a file is known to be right, and how to tell that it is that file.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mark {
    /// Where it was when this was written.
    pub(crate) file: PathBuf,
    /// How long it is.
    pub(crate) bytes: u64,
    /// What it ends with, without the line end.
    pub(crate) last_line: String,
}

impl OutFile {
    /// Begins a file. One that has something in it is refused, whose it ever is.
    pub(crate) fn new(path: &Path) -> Result<Self, Failure> {
        Self::check_new(path)?;
        let mark = Mark { file: path.to_owned(), ..Mark::default() };
        Self::open(path, mark).map_err(|error| cannot("open", path, &error))
    }

    fn check_new(path: &Path) -> Result<(), Failure> {
        match path.metadata() {
            Ok(known) if !known.is_file() => {
                Err(Failure::usage(format!("--out {}: it is not a file", path.display())))
            }
            Ok(known) if known.len() > 0 => Err(Failure::usage(format!(
                "--out {}: the file has something in it, and no state says what",
                path.display()
            ))
            .tip(
                "name another file, or remove it; to go on, give the same --resume FILE as before",
            )),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(cannot("open", path, &error)),
        }
    }

    /// Goes on with a file, cut back to what is known to be right.
    pub(crate) fn again(path: &Path, mark: &Mark) -> Result<Self, Failure> {
        let refuse = |why: &str| {
            Failure::usage(format!("--out {}: {why}", path.display()))
                .tip("give the file that the listing was written to so far")
                .tip("to begin again, remove the file and that of --resume")
        };
        match path.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound && mark.bytes > 0 => {
                return Err(refuse(&format!("it is gone, and had {} bytes", mark.bytes)));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(cannot("open", path, &error));
            }
            Ok(known) if !known.is_file() => return Err(refuse("it is not a file")),
            Ok(known) if known.len() < mark.bytes => {
                return Err(refuse(&format!(
                    "it has {} bytes, and had {} when the state was saved",
                    known.len(),
                    mark.bytes
                )));
            }
            _ => {}
        }
        let broken = |error: io::Error| cannot("open", path, &error);
        let mark = Mark { file: path.to_owned(), ..mark.clone() };
        let mut file = Self::open(path, mark).map_err(broken)?;
        if !file.ends_as_it_did().map_err(broken)? {
            return Err(refuse(
                "it is another file, or was changed: its last line is not the one \
                               that was written",
            ));
        }
        file.file.set_len(file.mark.bytes).map_err(broken)?;
        file.file.seek(SeekFrom::End(0)).map_err(broken)?;
        Ok(file)
    }

    /// Writes whole lines.
    pub(crate) fn append(&mut self, lines: &[u8]) -> Result<(), Failure> {
        self.file.write_all(lines).map_err(|error| {
            let _ = self.file.set_len(self.mark.bytes); // no half line
            cannot("write to", &self.path, &error)
        })?;
        self.mark.bytes += lines.len() as u64;
        self.mark.last_line = last_line(lines);
        Ok(())
    }

    pub(crate) fn mark(&self) -> &Mark {
        &self.mark
    }

    fn open(path: &Path, mark: Mark) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(path)?;
        Ok(Self { path: path.to_owned(), file, mark })
    }

    fn ends_as_it_did(&mut self) -> io::Result<bool> {
        let line = self.mark.last_line.as_bytes();
        if self.mark.bytes == 0 {
            return Ok(true);
        }
        let Some(start) = self.mark.bytes.checked_sub(line.len() as u64 + 1) else {
            return Ok(false);
        };
        let mut end = vec![0; line.len() + 1];
        self.file.seek(SeekFrom::Start(start))?;
        self.file.read_exact(&mut end)?;
        Ok(end.strip_suffix(b"\n") == Some(line))
    }
}

/// Standard output, where it is a file.
pub(super) fn standard_output() -> Option<File> {
    #[cfg(unix)]
    use std::os::fd::AsFd as _;
    #[cfg(windows)]
    use std::os::windows::io::AsHandle as _;

    let out = io::stdout();
    #[cfg(unix)]
    let out = out.as_fd().try_clone_to_owned();
    #[cfg(windows)]
    let out = out.as_handle().try_clone_to_owned();
    let file = File::from(out.ok()?);
    file.metadata().is_ok_and(|known| known.is_file()).then_some(file)
}

/// Goes where nothing is written over, however the file was opened. Returns how long it is.
pub(super) fn to_its_end(mut file: &File) -> Result<u64, Failure> {
    Ok(file.seek(SeekFrom::End(0))?)
}

/// Where a path leads, however it is spelt, and whether or not there is a file.
pub(super) fn place(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let in_parent = |_| {
        let parent = parent.unwrap_or_else(|| Path::new(".")).canonicalize()?;
        Ok::<_, io::Error>(parent.join(path.file_name().unwrap_or_default()))
    };
    path.canonicalize().or_else(in_parent).unwrap_or_else(|_| path.to_owned())
}

/// Whether a file is the one at this path, where that can be told.
#[cfg(unix)]
pub(super) fn is_at(file: &File, path: &Path) -> Option<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let number = |known: std::fs::Metadata| (known.dev(), known.ino());
    let [here, there] = [file.metadata(), path.metadata()].map(|known| known.map(number).ok());
    Some(here.is_some() && here == there)
}

#[cfg(not(unix))]
pub(super) fn is_at(_: &File, _: &Path) -> Option<bool> {
    None
}

fn last_line(lines: &[u8]) -> String {
    let lines = lines.strip_suffix(b"\n").unwrap_or(lines);
    let last = lines.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(last).into_owned()
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::other(format!("cannot {what} {}: {error}", path.display()))
}
