use std::format;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::string::String;
use std::vec::Vec;

use crate::run::random_name;

/// Where a connection is found. The file goes with this, should `ssh` not have removed it.
#[derive(Debug)]
pub(super) struct Socket(PathBuf);

/// A path of a socket has at most 104 bytes on some systems, 17 of which `ssh` adds for a moment.
const LONGEST: usize = 60;

impl Socket {
    /// A name that nobody else has, in a folder whose name is not too long and means nothing else to `ssh`.
    pub(super) fn new() -> Self {
        let folder = std::env::temp_dir();
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-".contains(byte);
        let bytes = folder.as_os_str().as_bytes();
        let is_fit =
            bytes.len() <= LONGEST && bytes.starts_with(b"/") && bytes.iter().all(is_plain);
        let folder = if is_fit { &*folder } else { Path::new("/tmp") };
        Self(folder.join(format!("jg-{}", random_name())))
    }

    /// The option by which `ssh` finds it.
    pub(super) fn option(&self) -> String {
        format!("ControlPath={}", self.0.display())
    }

    /// The arguments by which a `ssh` or a `scp` uses this connection, and never opens one of its own.
    pub(super) fn client_args(&self) -> Vec<String> {
        let option = self.option();
        let args = ["-F", "/dev/null", "-o", &option].into_iter().chain(CLIENT);
        args.map(String::from).collect()
    }
}

const CLIENT: [&str; 8] = [
    "-o",
    "ControlMaster=no",
    "-o",
    "ProxyCommand=false",
    "-o",
    "BatchMode=yes",
    "-o",
    "LogLevel=ERROR",
];

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
