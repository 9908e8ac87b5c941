use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs4::{FileExt, TryLockError};
use kamipay_ureq::proto::scan::ScanState;
use serde::{Deserialize, Serialize};

use super::Listing;
use super::out::{Mark, is_at};
use crate::connection::Account;
use crate::exit::Failure;
use crate::output::Format;

/// Where a listing stands, and which listing it is: the file of `--resume`.
#[derive(Clone, Deserialize, Serialize)]
#[serde(bound = "")]
#[serde(deny_unknown_fields)]
pub(crate) struct Saved<S: Listing> {
    /// Of this layout.
    version: u32,
    /// [`Listing::NAME`].
    list: String,
    /// What is listed in all: the period and the filters.
    whole: S,
    account: Account,
    output: Format,
    spreadsheet: bool,
    look_back_seconds: Option<u64>,
    pub(super) out: Mark,
    pub(super) state: ScanState<S>,
}

const VERSION: u32 = 4;

impl<S: Listing> Saved<S> {
    /// A listing of which nothing is read yet, which is what `state` says.
    pub(super) fn new(
        whole: S,
        account: Account,
        (output, spreadsheet): (Format, bool),
        look_back: Option<Duration>,
        state: ScanState<S>,
    ) -> Self {
        Self {
            version: VERSION,
            list: S::NAME.to_owned(),
            state,
            whole,
            account,
            output,
            spreadsheet,
            look_back_seconds: look_back.map(|length| length.as_secs()),
            out: Mark::default(),
        }
    }

    /// The same listing, further on.
    pub(super) fn at(&self, state: ScanState<S>, out: Mark) -> Self {
        Self { out, state, ..self.clone() }
    }

    /// A run with a token does not know the name that another run logged in with.
    pub(super) fn keep_username_of(&mut self, earlier: &Self) {
        if self.account.username.is_none() {
            self.account.username.clone_from(&earlier.account.username);
        }
    }
}

/// The file of `--resume`, for one run at a time.
pub(crate) struct Store {
    path: PathBuf,
    lock: PathBuf,
    _locked: File,
}

/// What every version says, of every listing.
#[derive(Deserialize)]
struct Head {
    version: u32,
    list: String,
}

impl Store {
    /// The file, and the two beside it: the next state while it is written, and the lock.
    pub(super) fn names(path: &Path) -> [PathBuf; 3] {
        [path.to_owned(), beside(path, ".new"), beside(path, ".lock")]
    }

    /// Takes the file, so that no other run does.
    ///
    /// The lock is on a file beside it, because this one is replaced as a whole. It ends with the
    /// process, however that ends.
    pub(crate) fn lock(path: &Path) -> Result<Self, Failure> {
        let [_, _, lock] = Self::names(path);
        let refuse = |error: &dyn std::fmt::Display| {
            Failure::usage(format!(
                "--resume {}: cannot lock {}: {error}",
                path.display(),
                lock.display()
            ))
        };
        let file = private().create(true).truncate(false).open(&lock);
        let file = file.map_err(|error| refuse(&error))?;
        match FileExt::try_lock(&file) {
            // Not one that the run before has removed meanwhile.
            Ok(()) if is_at(&file, &lock).unwrap_or_else(|| lock.exists()) => {
                Ok(Self { path: path.to_owned(), lock, _locked: file })
            }
            Ok(()) | Err(TryLockError::WouldBlock) => Err(Failure::other(format!(
                "--resume {}: another run of kamipay is using it",
                path.display()
            ))
            .tip("wait for it to end, or stop it")),
            Err(TryLockError::Error(error)) => Err(refuse(&error)),
        }
    }

    /// Where the listing stands, if it was begun. Refuses the state of another one.
    pub(crate) fn load<S: Listing>(&self, this: &Saved<S>) -> Result<Option<Saved<S>>, Failure> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.refuse(&format!("cannot be read: {error}"))),
        };
        if text.is_empty() {
            return Ok(None);
        }
        let broken = |error: serde_json::Error| {
            self.refuse(&format!("it does not hold where a listing stands: {error}"))
        };
        let head: Head = serde_json::from_slice(&text).map_err(broken)?;
        if head.version != VERSION {
            return Err(self.refuse("it was written by another version of kamipay"));
        }
        if head.list != S::NAME {
            return Err(self.refuse(&format!("it is about {}, not {}", head.list, S::NAME)));
        }
        let saved: Saved<S> = serde_json::from_slice(&text).map_err(broken)?;
        if saved.whole != this.whole {
            let [its, ours] = [&saved.whole, &this.whole]
                .map(|whole| serde_json::to_string(whole).unwrap_or_default());
            return Err(self
                .refuse("it is about another period, or has other filters")
                .tip(format!("it is about {its}, and this command about {ours}")));
        }
        self.check_account(&saved.account, &this.account)?;
        if saved.look_back_seconds != this.look_back_seconds {
            return Err(self.refuse("it has another --look-back"));
        }
        if saved.spreadsheet != this.spreadsheet {
            let word = if saved.spreadsheet { "with" } else { "without" };
            return Err(self.refuse(&format!("its rows are written {word} --spreadsheet")));
        }
        if saved.output != this.output {
            return Err(self.refuse(&format!(
                "its rows are written as {}",
                if saved.output == Format::Csv { "csv" } else { "ndjson" }
            )));
        }
        Ok(Some(saved))
    }

    fn check_account(&self, its: &Account, ours: &Account) -> Result<(), Failure> {
        if its.base_url != ours.base_url {
            let [its, ours] = [&its.base_url, &ours.base_url];
            return Err(self.refuse(&format!("it is about the API at {its}, not at {ours}")));
        }
        match (&its.username, &ours.username) {
            (Some(its), Some(ours)) if its != ours => {
                Err(self.refuse(&format!("it is about the account of {its}, not of {ours}")))
            }
            _ => Ok(()),
        }
    }

    /// Replaces the file as a whole, so that there is always one.
    pub(crate) fn save<S: Listing>(&self, saved: &Saved<S>) -> Result<(), Failure> {
        let [_, new, _] = Self::names(&self.path);
        let write = || {
            let mut text = serde_json::to_vec(saved)?;
            text.push(b'\n');
            // Of a run that was killed. Created anew, it is nobody's link to another file.
            remove(&new)?;
            let mut file = private().create_new(true).open(&new)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&new, &self.path)
        };
        write().map_err(|error: io::Error| {
            let _ = remove(&new);
            Failure::other(format!("cannot save the state in {}: {error}", self.path.display()))
                .tip("what is there is not the whole")
        })
    }

    pub(crate) fn refuse(&self, why: &str) -> Failure {
        Failure::usage(format!("--resume {}: {why}", self.path.display()))
            .tip("give the command that it was made by, or name a file that is not there yet")
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.lock);
    }
}

/// A file for this user's eyes, and not one that a link leads to.
fn private() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32);
    }
    options
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}
