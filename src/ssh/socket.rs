use std::format;
use std::fs;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::{Path, PathBuf};
use std::string::{String, ToString as _};

/// Where a connection is found. The file goes with this, should `ssh` not have removed it.
#[derive(Debug)]
pub(super) struct Socket(PathBuf);

/// A path of a socket has at most 104 bytes on some systems, 17 of which `ssh` adds for a moment.
const LONGEST: usize = 60;

impl Socket {
    /// A name that nobody else has, in a folder whose name is not too long.
    pub(super) fn new() -> Self {
        let folder = std::env::temp_dir();
        let is_short = folder.as_os_str().len() <= LONGEST && folder.is_absolute();
        let folder = if is_short { &*folder } else { Path::new("/tmp") };
        let random = RandomState::new().build_hasher().finish();
        Self(folder.join(format!("jg-{random:016x}")))
    }

    /// The option by which `ssh` finds it.
    pub(super) fn option(&self) -> String {
        format!("ControlPath={}", self.0.display().to_string().replace('%', "%%"))
    }

    /// The options of a `ssh` that uses this connection, and never opens one of its own.
    pub(super) fn client_options(&self) -> [String; 5] {
        let fixed = ["ControlMaster=no", "ProxyCommand=false", "BatchMode=yes", "LogLevel=ERROR"];
        let [master, proxy, batch, level] = fixed.map(String::from);
        [self.option(), master, proxy, batch, level]
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
