//! Stored base URLs and credentials, a file for each profile.
//!
//! The secret is in the file, and not in the system's keyring: on Linux the crates for that bring an
//! async runtime or a C library.

use std::fmt;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use kamipay_ureq::proto::{AccessToken, BaseUrl};
use serde::{Deserialize, Serialize};

use crate::access::Secret;
use crate::exit::Failure;
use crate::private;

/// A base URL with the credentials for it.
pub(crate) struct Profile {
    pub(crate) name: Name,
    pub(crate) base_url: BaseUrl,
    pub(crate) secret: Secret,
}

/// The name of a profile, which is a part of its file's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Name(String);

/// The content of the file.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    base_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

const VERSION: u32 = 1;

impl Profile {
    /// Reads a profile, if there is one. A file that others can read is refused.
    pub(crate) fn load(name: &Name) -> Result<Option<Self>, Failure> {
        let Some(folder) = folder() else { return Ok(None) };
        let path = name.path_in(&folder);
        let wrong =
            |why: &str| Failure::usage(format!("the profile {name}, {}: {why}", path.display()));
        match check(&folder).and_then(|()| read(&path)) {
            Ok(text) => {
                // Not serde's words: they quote the file.
                let again = format!("log in again: kamipay login --profile {name}");
                let profile = Self::parse(name, &text);
                profile.map(Some).ok_or_else(|| wrong("it is damaged").tip(again))
            }
            Err(Fault::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(Fault::Io(error)) => Err(wrong(&format!("it cannot be read: {error}"))),
            Err(Fault::Unsafe(why, cure)) => Err(wrong(&why).tip(cure)),
        }
    }

    fn parse(name: &Name, text: &str) -> Option<Self> {
        let stored: Stored = serde_json::from_str(text).ok()?;
        let secret = match (stored.version, stored.token, stored.username, stored.password) {
            (VERSION, Some(token), None, None) => Secret::Token(token.parse().ok()?),
            (VERSION, None, Some(username), Some(password)) => Secret::Login { username, password },
            _ => return None,
        };
        Some(Self { name: name.clone(), base_url: stored.base_url.parse().ok()?, secret })
    }

    /// Stores the profile in its [place](Name::place), instead of an earlier one.
    pub(crate) fn save(&self, path: &Path) -> Result<(), Failure> {
        let (token, username, password) = match &self.secret {
            Secret::Token(token) => (Some(AccessToken::expose(token).to_owned()), None, None),
            Secret::Login { username, password } => {
                (None, Some(username.clone()), Some(password.clone()))
            }
            Secret::TokenFile(_) => return Err(Failure::other("a token is stored, not its file")),
        };
        let base_url = self.base_url.as_str().to_owned();
        let stored = Stored { version: VERSION, base_url, token, username, password };
        let folder = path.parent().ok_or_else(no_folder)?;
        let is_safe = create(folder).and_then(|()| check(folder));
        let is_stored = is_safe.and_then(|()| Ok(replace(path, &stored)?));
        is_stored.map_err(|fault| self.name.not_stored(path, fault))
    }
}

impl Name {
    /// The file of the profile. Its folder is safe, or not there yet.
    pub(crate) fn place(&self) -> Result<PathBuf, Failure> {
        let folder = folder().ok_or_else(no_folder)?;
        let path = self.path_in(&folder);
        match check(&folder) {
            Err(Fault::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(path),
            is_safe => is_safe.map(|()| path.clone()).map_err(|it| self.not_stored(&path, it)),
        }
    }

    fn not_stored(&self, path: &Path, fault: Fault) -> Failure {
        let why = format!("cannot store the profile {self} in {}", path.display());
        match fault {
            Fault::Io(error) => Failure::other(format!("{why}: {error}")),
            Fault::Unsafe(reason, cure) => Failure::usage(format!("{why}: {reason}")).tip(cure),
        }
    }

    /// Removes the profile. Returns its file, if there was one.
    pub(crate) fn remove(&self) -> Result<Option<PathBuf>, Failure> {
        let Some(folder) = folder() else { return Ok(None) };
        let path = self.path_in(&folder);
        let _ = fs::remove_file(new_of(&path));
        match fs::remove_file(&path) {
            Ok(()) => Ok(Some(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::other(format!("cannot remove {}: {error}", path.display()))),
        }
    }

    /// The failure of a command that needs the profile.
    pub(crate) fn missing(&self) -> Failure {
        Failure::usage(format!("there is no profile {self}"))
            .tip(format!("to make it: kamipay login --profile {self}"))
    }

    /// The file of the profile, wherever profiles are.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        folder().map(|folder| self.path_in(&folder))
    }

    fn path_in(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{self}.json"))
    }
}

impl Default for Name {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Name {
    type Err = Failure;

    fn from_str(name: &str) -> Result<Self, Failure> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_plain = (1..=64).contains(&name.len()) && name.bytes().all(plain);
        if !is_plain || name.starts_with(['.', '-']) {
            return Err(Failure::usage(
                "--profile (KAMIPAY_PROFILE): a name is 1 to 64 letters, digits, '-', '_' and '.', \
                 and begins with a letter, a digit or '_'",
            ));
        }
        Ok(Self(name.to_owned()))
    }
}

/// Why a file is not used.
enum Fault {
    Io(io::Error),
    /// What others could do with it, and what to do about it.
    Unsafe(String, String),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The folder of the profiles, inside the one of this program's configuration.
fn folder() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|it| !it.is_empty()).map(PathBuf::from);
    let absolute = |name| variable(name).filter(|path| path.is_absolute());
    let platform = || match () {
        () if cfg!(windows) => absolute("APPDATA"),
        () if cfg!(target_os = "macos") => {
            absolute("HOME").map(|home| home.join("Library/Application Support"))
        }
        () => absolute("XDG_CONFIG_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".config"))),
    };
    let own = variable("KAMIPAY_CONFIG_DIR");
    Some(own.or_else(|| platform().map(|folder| folder.join("kamipay")))?.join("profiles"))
}

fn no_folder() -> Failure {
    Failure::usage("there is no folder for profiles: set KAMIPAY_CONFIG_DIR, or HOME")
}

fn create(folder: &Path) -> Result<(), Fault> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    Ok(builder.create(folder)?)
}

/// Refuses a folder in which others could replace a profile.
fn check(folder: &Path) -> Result<(), Fault> {
    let known = fs::symlink_metadata(folder)?;
    if known.is_symlink() {
        return Err(Fault::Unsafe(
            format!("{} is a symbolic link", folder.display()),
            "profiles are kept in a folder of their own: remove the link, and log in again"
                .to_owned(),
        ));
    }
    check_mode(folder, &known, 0o077, 700)?;
    match folder.parent() {
        // The folder of the configuration itself may be shown, but not changed.
        Some(parent) if !parent.as_os_str().is_empty() => {
            check_mode(parent, &fs::metadata(parent)?, 0o022, 700)
        }
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn check_mode(path: &Path, known: &fs::Metadata, others: u32, cure: u32) -> Result<(), Fault> {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = known.permissions().mode() & 0o777;
    if mode & others == 0 {
        return Ok(());
    }
    let word = if mode & others & 0o022 == 0 { "read" } else { "change" };
    let path = path.display();
    Err(Fault::Unsafe(
        format!("others can {word} {path} (mode {mode:o})"),
        format!("chmod {cure} {path}; if others used it, log in with a new password or token"),
    ))
}

#[cfg(not(unix))]
fn check_mode(_: &Path, _: &fs::Metadata, _: u32, _: u32) -> Result<(), Fault> {
    Ok(()) // the folder of the user's configuration is the user's alone
}

/// The text of a file that is for this user alone.
fn read(path: &Path) -> Result<String, Fault> {
    const MOST: u64 = 64 << 10;
    if fs::symlink_metadata(path)?.is_symlink() {
        return Err(Fault::Unsafe(
            "it is a symbolic link".to_owned(),
            format!("remove it, and log in again: rm {}", path.display()),
        ));
    }
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;

        use rustix::fs::OFlags;
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32);
    }
    let file = options.open(path)?;
    let known = file.metadata()?;
    if !known.is_file() {
        return Err(io::Error::other("it is not a file").into());
    }
    check_mode(path, &known, 0o077, 600)?;
    let mut text = String::new();
    file.take(MOST).read_to_string(&mut text)?;
    Ok(text)
}

/// The file that is written before it replaces the profile. It always has this name, so that the next
/// login removes what a killed one left.
fn new_of(path: &Path) -> PathBuf {
    path.with_extension("json.new")
}

fn replace(path: &Path, stored: &Stored) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(stored)?;
    text.push(b'\n');
    private::replace(path, &new_of(path), &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_the_folder() {
        for name in ["default", "prod", "a.b-c_D9", "_", &"x".repeat(64)] {
            assert_eq!(name.parse::<Name>().unwrap().to_string(), name);
        }
        for name in
            ["", ".", "..", ".prod", "-p", "a/b", "../x", "a\\b", "a b", "é", &"x".repeat(65)]
        {
            assert!(name.parse::<Name>().is_err(), "{name}");
        }
    }

    #[test]
    fn a_damaged_file_is_not_a_profile() {
        let name = Name::default();
        let parse = |text: &str| Profile::parse(&name, text);
        let good = r#"{"version":1,"base_url":"https://api.kamipay.io","token":"t"}"#;
        assert!(parse(good).is_some());
        for (from, to) in [
            ("\"version\":1", "\"version\":2"),
            ("https://api", "http://api"),
            ("\"t\"", "\"t t\""),
            ("\"t\"", "null"),
            ("\"t\"", "\"t\",\"password\":\"p\""),
            ("\"token\":\"t\"", "\"username\":\"u\""),
            ("\"token\":\"t\"", "\"password\":\"p\""),
            ("\"token\"", "\"tokens\""),
            ("}", ""),
        ] {
            assert!(parse(&good.replace(from, to)).is_none(), "{from} {to}");
        }
    }
}
