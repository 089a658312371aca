use std::borrow::ToOwned as _;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::format;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::string::{String, ToString as _};
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;

use super::capture::{Line, Output};
use super::error::{CommandFailed, How};
use super::leash::Leash;
use super::quote::{is_name, quoted};

/// What is to be run: a program with its arguments, or a script of the shell; where, with what, and what is to become of
/// its output. Nothing is run before [`run`](Self::run), or by a job that is made of it. Clones are cheap enough to keep.
///
/// ```
/// use jobgraph::process::Command;
///
/// let make = Command::new("make").args(["-C", "my module", "all"]).env("MAKEFLAGS", "-j4");
/// assert_eq!(make.to_string(), "make -C 'my module' all");
/// ```
#[derive(Clone)]
#[must_use = "a command does nothing until it is run"]
pub struct Command {
    pub(super) what: What,
    pub(super) args: Vec<OsString>,
    pub(super) env: Vec<(OsString, OsString)>,
    pub(super) dir: Option<PathBuf>,
    pub(crate) stdin: Arc<[u8]>,
    pub(crate) grace: Duration,
    pub(super) allowed: Vec<i32>,
    pub(super) leashed: bool,
    pub(super) keep: usize,
    pub(super) each: Option<Each>,
    pub(super) ready: Option<IsReady>,
}

pub(super) type Each = Arc<dyn Fn(&Line) + Send + Sync>;
type IsReady = Arc<dyn Fn(&Line) -> bool + Send + Sync>;

#[derive(Clone)]
pub(super) enum What {
    Program(OsString),
    Script(OsString),
}

/// How long a command has to end once it was asked to, unless it says otherwise.
const GRACE: Duration = Duration::from_secs(3);

/// How much of each stream is kept, in bytes.
const KEEP: usize = 1 << 20;

/// A script that is asked to end does so when what it has started has, which was asked as well: no part of it is cut off that
/// cleans up behind itself, and nothing further is begun.
const ORDERLY: &str = "trap 'wait; exit 143' TERM; ";

impl Command {
    fn of(what: What) -> Self {
        Self {
            what,
            args: Vec::new(),
            env: Vec::new(),
            dir: None,
            stdin: Arc::new([]),
            grace: GRACE,
            allowed: Vec::new(),
            leashed: false,
            keep: KEEP,
            each: None,
            ready: None,
        }
    }

    /// A program, by its path or by its name on the `PATH`.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self::of(What::Program(program.as_ref().to_owned()))
    }

    /// A script for `sh`, whose arguments are its `$1`, `$2`. Asked to end, it does so after the program that it has
    /// started and waits for, unless it sets a trap of its own. For another interpreter:
    /// `Command::new("python3").arg("-").stdin(script)`.
    pub fn sh(script: impl AsRef<OsStr>) -> Self {
        Self::of(What::Script(script.as_ref().to_owned()))
    }

    /// One more argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// More arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// A variable of its environment, beside those of this process (elsewhere: of a login there).
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// The folder in which it runs.
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// What it reads from its standard input, which is empty otherwise. On a [leash](Self::leashed), or on another
    /// machine, that can hold no NUL bytes.
    pub fn stdin(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.stdin = bytes.as_ref().into();
        self
    }

    /// How long its process group has to end once it was asked to, by a TERM: then it gets a KILL. Three seconds unless said
    /// otherwise. The [grace of the job](crate::Job::grace) is to be longer than that; jobs that are made of commands have two
    /// seconds more.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Exit codes that are a success, beside 0.
    pub fn allow_codes(mut self, codes: impl IntoIterator<Item = i32>) -> Self {
        self.allowed.extend(codes);
        self
    }

    /// It does not outlive this process, however that ends: a `kill -9` is a TERM for its group, and a KILL after its
    /// [`grace`](Self::grace). It runs under a shell that watches over it, which costs about 2 ms. What else
    /// differs stands [above](crate::process#what-differs-on-a-leash-and-elsewhere).
    pub fn leashed(mut self) -> Self {
        self.leashed = true;
        self
    }

    /// Keeps so many bytes of the end of each stream, 1 MiB unless said otherwise. The rest goes by, whatever it is.
    pub fn keep(mut self, bytes: usize) -> Self {
        self.keep = bytes;
        self
    }

    /// Calls this with each line that it writes, as they come: of each stream in order. While it does not return, the
    /// process is not read from, and waits as soon as a pipe is full; nothing is lost by that.
    pub fn lines(mut self, each: impl Fn(&Line) + Send + Sync + 'static) -> Self {
        self.each = Some(Arc::new(each));
        self
    }

    /// As a [service](crate::Job::serve), it is ready when it wrote such a line. Without it, it is as soon as it has been
    /// started.
    pub fn ready_when(mut self, is_ready: impl Fn(&Line) -> bool + Send + Sync + 'static) -> Self {
        self.ready = Some(Arc::new(is_ready));
        self
    }

    /// An error of it, before it has said anything.
    pub(crate) fn failed(&self, host: Option<Arc<str>>, how: How) -> CommandFailed {
        CommandFailed::new(self.to_string(), host, how, Output::default())
    }

    /// What a shell is to read to run it here, without a leash.
    pub(super) fn program(&self) -> std::process::Command {
        let mut program = match &self.what {
            What::Program(program) => std::process::Command::new(program),
            What::Script(script) => {
                let mut sh = std::process::Command::new("sh");
                let mut text = OsString::from(ORDERLY);
                text.push(script);
                sh.arg("-c").arg(text).arg("sh");
                sh
            }
        };
        program.args(&self.args).envs(self.env.iter().map(|(name, value)| (name, value)));
        if let Some(dir) = &self.dir {
            program.current_dir(dir);
        }
        program
    }

    /// What a leash is to read to run it, here or elsewhere.
    pub(crate) fn script(
        &self,
        leash: &Leash,
        host: Option<&Arc<str>>,
    ) -> Result<Vec<u8>, CommandFailed> {
        let refused = |why: String| self.failed(host.cloned(), How::Refused(why.into()));
        let mut script = Vec::new();
        for (name, value) in &self.env {
            if !is_name(name.as_bytes()) {
                let name = name.display();
                return Err(refused(format!("no shell takes `{name}` for the name of a variable")));
            }
            let value = quoted(value.as_bytes());
            script.extend([b"export ", name.as_bytes(), b"=", &value, b"\n"].concat());
        }
        if let Some(dir) = &self.dir {
            // Not one of `CDPATH`, nor the one before.
            let dir = quoted(Path::new(".").join(dir).as_os_str().as_bytes());
            let not_begun = leash.not_begun();
            let or = [b" >/dev/null || { ", not_begun.as_bytes(), b"; exit 125; }\n"].concat();
            script.extend([b"CDPATH= cd -- ", &*dir, &or].concat());
        }
        if !self.stdin.is_empty() {
            script.extend([b"printf %s ", &*quoted(&self.stdin), b" | "].concat());
        }
        let args = self.args.iter().flat_map(|arg| [b" ".to_vec(), quoted(arg.as_bytes())]);
        match &self.what {
            What::Program(program) => {
                script.extend([b"exec ", &*quoted(program.as_bytes())].concat());
                script.extend(args.flatten());
            }
            What::Script(text) if self.stdin.is_empty() => {
                script.extend([b"set --".to_vec(), args.flatten().collect()].concat());
                script.extend([b"\n", text.as_bytes()].concat());
            }
            What::Script(text) => {
                script.extend([b"(set --".to_vec(), args.flatten().collect()].concat());
                script.extend([b"\neval ", &*quoted(text.as_bytes()), b")"].concat());
            }
        }
        if script.contains(&0) {
            return Err(refused(format!("{self} holds a NUL byte, which no shell takes")));
        }
        Ok(script)
    }
}

/// A command is shown with no more characters.
const SHOWN: usize = 60;

impl fmt::Display for Command {
    /// As it would be typed, on one line; cut if it is long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = match &self.what {
            What::Program(program) => quoted(program.as_bytes()),
            What::Script(script) => {
                let lines = script.as_bytes().split(|&byte| byte == b'\n');
                let mut lines = lines.map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
                let first = lines.find(|line| !line.starts_with(b"#")).unwrap_or_default().to_vec();
                if lines.next().is_some() { [&first, &b" .."[..]].concat() } else { first }
            }
        };
        for arg in &self.args {
            bytes.push(b' ');
            bytes.extend(quoted(arg.as_bytes()));
        }
        let text = String::from_utf8_lossy(&bytes);
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        match text.char_indices().nth(SHOWN) {
            Some((end, _)) => write!(f, "{}…", &text[..end]),
            None => f.write_str(&text),
        }
    }
}

impl fmt::Debug for Command {
    /// Without its environment and its input, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Command").field(&format_args!("{self}")).finish()
    }
}
