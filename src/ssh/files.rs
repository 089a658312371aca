use std::ffi::OsString;
use std::format;
use std::fs;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::string::{String, ToString as _};
use std::sync::Arc;
use std::time::Duration;

use super::session::{Session, is_refusal};
use crate::process::{Command, CommandFailed, Running};
use crate::run::random_name;
use crate::{Cancelled, Context, Error, Permanent};

/// Puts what has arrived whole where it belongs, unless there is a folder.
const PLACE: &str = r#"
if [ -d "$2" ]; then
    rm -rf -- "$1"; echo "$2 exists, and is a folder: nothing was changed" >&2; exit 17
fi
mv -f -- "$1" "$2""#;

/// Says whether there is a folder into which a file goes.
const IS_FOLDER: &str = r#"[ ! -d "$1" ] || echo folder"#;

/// What `scp` says if its connection is gone.
const CUT: [&str; 3] = ["Connection closed", "lost connection", "Broken pipe"];

/// A transfer that goes on for so long has got its session.
const BEGUN: Duration = Duration::from_millis(300);

impl Session {
    /// Copies a file or a folder to this machine, with modes and times, by `scp` (from OpenSSH 9.0 on) over this connection: whole or
    /// not at all. It is copied under another name beside its place first, and then moved there. A file takes the place of another one, and
    /// goes into a folder that exists; a folder does not take the place of another one. A path that is not absolute, and `~`, begin at
    /// the home folder there; that of another user (`~user`) has to be said in full.
    ///
    /// # Errors
    /// [`CommandFailed`], with the words of `scp`; [`ConnectFailed`](crate::ssh::ConnectFailed).
    pub async fn push(
        &self,
        context: &Context,
        from: impl AsRef<Path>,
        to: impl AsRef<str>,
    ) -> Result<(), Error> {
        let (from, mut to) = (without_slash(from.as_ref()), self.there(to.as_ref())?);
        if !from.is_dir() {
            let asked = self.run(context, Command::sh(IS_FOLDER).arg(&to)).await?;
            if asked.stdout.text().trim() == "folder" {
                let name = from.file_name().unwrap_or_default().to_string_lossy();
                to = format!("{}/{name}", to.trim_end_matches('/'));
            }
        }
        let part = format!("{to}.jg-{}", random_name());
        let copied = self.copy(context, local(&from), format!("none:{part}").into()).await;
        let placed = match copied {
            Ok(()) => {
                let place = Command::sh(PLACE).args([&part, &to]);
                self.run(context, place).await.map(|_| ())
            }
            Err(error) => Err(error),
        };
        if placed.is_err() {
            self.clean_up(context, &part).await;
        }
        placed
    }

    /// Copies a file or a folder from this machine: as [`push`](Self::push), the other way.
    ///
    /// # Errors
    /// As `push`.
    pub async fn pull(
        &self,
        context: &Context,
        from: impl AsRef<str>,
        to: impl AsRef<Path>,
    ) -> Result<(), Error> {
        let (from, mut to) = (self.there(from.as_ref())?, without_slash(to.as_ref()));
        let name = from.rsplit('/').next().unwrap_or_default();
        let folder = to.is_dir().then(|| to.clone());
        if folder.is_some() {
            to.push(name);
        }
        let mut part = to.clone().into_os_string();
        part.push(format!(".jg-{}", random_name()));
        let part = Part(part.into());
        self.copy(context, format!("none:{}", escaped(&from)).into(), local(&part.0)).await?;
        // A folder does not go into one that exists: it would take its place.
        let to = folder.filter(|_| part.0.is_dir()).unwrap_or(to);
        Command::sh(PLACE).arg(&part.0).arg(&to).run(context).await.map(|_| ())
    }

    /// A path there, as each of `scp` and a shell understands it.
    fn there(&self, path: &str) -> Result<String, Error> {
        let path = path.strip_prefix("~/").unwrap_or(path);
        if path.starts_with('~') && path != "~" {
            let why = format!("{}: say the folder of another user in full: {path}", self.host());
            return Err(Permanent::new(why).into());
        }
        Ok(match path.trim_end_matches('/') {
            "" if path.starts_with('/') => "/".into(),
            "" | "~" => ".".into(),
            path => path.into(),
        })
    }

    async fn copy(&self, context: &Context, from: OsString, to: OsString) -> Result<(), Error> {
        let mut refused_since = None;
        loop {
            let mut has_begun = false;
            let socket = self.socket(context).await?;
            let mut seat = self.take_seat(context).await?;
            let scp = Command::new("scp").args(socket.client_args()).args(["-r", "-p", "-q", "--"]);
            let scp = scp.args([&from, &to]).keep(64 << 10);
            let mut launch = scp.launch().map_err(CommandFailed::marked)?;
            launch.host = Some(Arc::from(self.host()));
            let mut running =
                Running::start(&scp, launch, context).map_err(CommandFailed::marked)?;
            let begins = async {
                context.sleep(BEGUN).await;
                seat.begin();
                has_begun = true;
                pending().await
            };
            let failed = match futures_lite::future::or(running.finish_with(), begins).await {
                Ok(_) => return Ok(()),
                Err(None) => return Err(Cancelled.into()),
                Err(Some(failed)) => failed,
            };
            let said = failed.stderr().text().to_string();
            if !is_refusal(&said) {
                if !CUT.iter().any(|words| said.contains(words)) {
                    return Err(failed.with_first_line().marked());
                }
                let news = context.unless_cancelled(self.words_of(&socket, context)).await;
                match news.ok_or(Cancelled)? {
                    Some(_) if !has_begun => continue,
                    Some(words) => return Err(failed.lost(&words).marked()),
                    None => return Err(failed.with_first_line().marked()),
                }
            }
            self.wait_out(context, seat, &mut refused_since, &said).await?;
        }
    }

    /// Takes away what did not arrive, also when the job was asked to end.
    async fn clean_up(&self, context: &Context, part: &str) {
        let remove = Command::sh("rm -rf -- \"$1\"").arg(part);
        if let Some(mut running) = self.start_deaf(context, &remove) {
            let _ = running.finish_with().await;
        }
    }
}

/// What has not arrived whole goes with this.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        if fs::remove_file(&self.0).is_err() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// `scripts/` is `scripts`.
fn without_slash(path: &Path) -> PathBuf {
    path.components().collect()
}

/// A path that `scp` takes for one of this machine, and for no option.
fn local(path: &Path) -> OsString {
    if path.is_absolute() { path.into() } else { Path::new(".").join(path).into() }
}

/// A path that names itself alone where patterns are looked for.
fn escaped(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for character in path.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
