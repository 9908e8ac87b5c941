//! Files that only this user can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Options for a file with mode 0600. Symbolic links are not followed.
pub(crate) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32);
    }
    options
}

/// Replaces a file as a whole, by way of the file `new`: there is always an old or a new one. A
/// symbolic link is replaced, not followed.
pub(crate) fn replace(path: &Path, new: &Path, content: &[u8]) -> io::Result<()> {
    let write = || {
        // A killed run may have left it. Created anew, it is not a link to another file.
        remove(new)?;
        let mut file = options().create_new(true).open(new)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(new, path)?;
        sync_parent(path);
        Ok(())
    };
    write().inspect_err(|_| _ = remove(new))
}

/// Syncs the new name of a file, so that a power cut does not bring the old file back. Some file
/// systems cannot, and need not.
fn sync_parent(path: &Path) {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Ok(parent) = File::open(parent.unwrap_or_else(|| Path::new("."))) {
        let _ = parent.sync_all();
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
