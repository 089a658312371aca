use std::format;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::string::String;
use std::time::Duration;
use std::vec::Vec;

use memchr::memmem;

/// What a leashed command runs under, here or elsewhere: it reads its script from its standard input, up to a line that is
/// the nonce (if it ends before, it runs nothing), says the nonce on both streams, runs the script, and says `NONCE CODE`
/// on the standard error. In the meantime a watcher reads on: when the standard input ends, the group gets a TERM, and
/// after the grace a KILL. A closed pipe is what a cancel, a drop, a lost connection and the death of whoever holds
/// the other end have in common.
///
/// The script runs in the foreground, so that this shell hears what asks the group to end after that. The shell of the script, if it
/// is asked to end, waits for what it has started, which was asked as well; it speaks when it is ready to be asked: between its
/// fork and that it would miss it, and go on to the KILL. What is left of a group that was let go goes with
/// this shell. The watcher takes no notice of the group's TERM, and ignores the signal that sends it away when the
/// script is over only if it is about to kill. One line, without a quote or a backslash that a login shell takes for something else.
const LEASH: &str = concat!(
    r#"n=$1; g=$2; s=$(while IFS= read -r l; do [ "$l" = "$n" ] && exit 0; printf "%s\n" "$l"; "#,
    r#"done; exit 1) || exit 1; "#,
    r#"exec 3<&0 </dev/null; t=; trap "t=1" TERM; trap "" HUP INT PIPE; "#,
    r#"(trap "" TERM; exec >/dev/null 2>&1; while read -r l <&3; do :; done; "#,
    r#"trap "" USR1; kill -TERM -$$; sleep "$g"; kill -KILL -$$) & w=$!; exec 3<&-; "#,
    r#"(trap "wait; exit 143" TERM; [ "$t" ] && exit 143; trap - HUP INT PIPE; "#,
    r#"printf "%s\n" "$n"; printf "%s\n" "$n" >&2; eval "$s"); s=$?; "#,
    r#"printf "%s %s\n" "$n" "$s" >&2; kill -USR1 "$w" 2>/dev/null; "#,
    r#"[ "$t" ] && kill -KILL -$$; exit "$s""#,
);

/// A command on a leash, and how to tell what it says from what the leash does.
#[derive(Clone, Debug)]
pub(crate) struct Leash {
    nonce: String,
    grace: Duration,
}

impl Leash {
    pub(crate) fn new(grace: Duration) -> Self {
        let random = || RandomState::new().build_hasher().finish();
        Self { nonce: format!("jg{:016x}{:016x}", random(), random()), grace }
    }

    /// The arguments of the `sh` that is the leash.
    pub(crate) fn args(&self) -> [String; 5] {
        let grace = self.grace.as_secs() + u64::from(self.grace.subsec_nanos() > 0);
        ["-c".into(), LEASH.into(), "sh".into(), self.nonce.clone(), format!("{grace}")]
    }

    /// The same as a line for any login shell.
    #[cfg(feature = "ssh")]
    pub(crate) fn line(&self) -> String {
        let [_, leash, name, nonce, grace] = self.args();
        format!("exec sh -c '{leash}' {name} {nonce} {grace}")
    }

    /// What it is to be fed for a script.
    pub(crate) fn feed(&self, script: &[u8]) -> Vec<u8> {
        [script, b"\n", self.nonce.as_bytes(), b"\n"].concat()
    }

    pub(crate) fn frame(&self) -> Frame {
        Frame { nonce: self.nonce.clone(), held: Vec::new(), has_begun: false, code: None }
    }
}

/// Finds what a leash says in one of the streams. What comes before it, a login shell has said; what comes after the
/// code, nobody asked for.
#[derive(Debug)]
pub(crate) struct Frame {
    nonce: String,
    /// What may be the beginning of a nonce.
    held: Vec<u8>,
    has_begun: bool,
    code: Option<i32>,
}

impl Frame {
    /// Whether the leash has spoken: the command has been started.
    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// What the command ended with.
    pub(crate) fn code(&self) -> Option<i32> {
        self.code
    }

    /// Takes what came, and gives what of it is the command's.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.code.is_some() {
            return Vec::new();
        }
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(bytes);
        if !self.has_begun {
            let Some((_, rest)) = split(&all, &[self.nonce.as_bytes(), b"\n"].concat()) else {
                self.held = all.split_off(all.len().saturating_sub(KEPT));
                return Vec::new();
            };
            self.has_begun = true;
            all = rest.to_vec();
        }
        let Some((before, after)) = split(&all, self.nonce.as_bytes()) else {
            let begun = begun(&all, self.nonce.as_bytes());
            self.held = all.split_off(all.len() - begun);
            return all;
        };
        let code = split(after, b"\n").and_then(|(code, _)| str::from_utf8(code).ok());
        self.code = code.and_then(|code| code.trim().parse().ok());
        let before = before.to_vec();
        if self.code.is_none() {
            self.held = all.split_off(before.len());
        }
        before
    }

    /// There is no more: what was held was the command's after all, if it ever began.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        if self.has_begun { std::mem::take(&mut self.held) } else { Vec::new() }
    }

    /// What somebody else said, at last, of a command that never began.
    pub(crate) fn instead(&self) -> &[u8] {
        if self.has_begun { &[] } else { &self.held }
    }
}

/// So much is kept of what is said before the leash speaks, in bytes.
const KEPT: usize = 4 << 10;

/// What is before and after the first place where something stands.
fn split<'a>(all: &'a [u8], what: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = memmem::find(all, what)?;
    Some((&all[..at], &all[at + what.len()..]))
}

/// How much of its beginning stands at the end of this.
fn begun(all: &[u8], what: &[u8]) -> usize {
    (1..what.len().min(all.len() + 1))
        .rev()
        .find(|&length| all.ends_with(&what[..length]))
        .unwrap_or(0)
}
