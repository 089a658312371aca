use std::format;
use std::string::String;
use std::time::Duration;
use std::vec::Vec;

use memchr::memmem;

use crate::run::random_name;

/// What a leashed command runs under, here or elsewhere. It reads a nonce, a length and a script from its standard input, up to
/// the nonce again (if it ends before, it runs nothing), says the nonce on both streams, runs the script, and says
/// `NONCE CODE` on both. In the meantime a watcher reads on: when the standard input ends, the group gets a TERM, and
/// after the grace a KILL. A closed pipe is what a cancel, a drop, a lost connection and the death of whoever
/// holds the other end have in common.
///
/// The script runs in the foreground, so that this shell hears what asks the group to end after that. The shell of the script, if it
/// is asked to end, waits for what it has started, which was asked as well; it speaks when it is ready to be asked: between its
/// fork and that it would miss it, and go on to the KILL. What is left of a group that was let go goes with
/// this shell. The watcher takes no notice of the group's TERM, and ignores the signal that sends it away when the
/// script is over only if it is about to kill. Nobody else sees the nonce: no process has it for an argument, no script for a
/// variable. `read` takes a byte at a time, which is too slow for what is long. One line, without a quote or a backslash that a
/// login shell takes for something else.
const LEASH: &str = concat!(
    r#"_jg_g=$1; IFS= read -r _jg_n && IFS= read -r _jg_l || exit 1; "#,
    r#"if [ "$_jg_l" -gt 65536 ]; then _jg_s=$(head -c "$_jg_l"); "#,
    r#"case $_jg_s in *"$_jg_n") _jg_s=${_jg_s%"$_jg_n"};; *) exit 1;; esac; "#,
    r#"else _jg_s=$(while IFS= read -r _jg_l; do [ "$_jg_l" = "$_jg_n" ] && exit 0; "#,
    r#"printf "%s\n" "$_jg_l"; done; exit 1) || exit 1; fi; "#,
    r#"exec 3<&0 </dev/null; _jg_t=; trap "_jg_t=1" TERM; trap "" HUP INT PIPE; "#,
    r#"(trap "" TERM; exec >/dev/null 2>&1; while read -r _jg_l <&3; do :; done; trap "" USR1; "#,
    r#"kill -TERM -$$; kill -CONT -$$; sleep "$_jg_g"; kill -KILL -$$) & _jg_w=$!; exec 3<&-; "#,
    r#"(trap "wait; exit 143" TERM; [ "$_jg_t" ] && exit 143; trap - HUP INT PIPE; "#,
    r#"printf "%s\n" "$_jg_n"; printf "%s\n" "$_jg_n" >&2; set --; "#,
    r#"eval "unset _jg_g _jg_n _jg_l _jg_s _jg_t _jg_w; $_jg_s"); _jg_s=$?; "#,
    r#"printf "%s %s\n" "$_jg_n" "$_jg_s"; printf "%s %s\n" "$_jg_n" "$_jg_s" >&2; "#,
    r#"kill -USR1 "$_jg_w" 2>/dev/null; [ "$_jg_t" ] && kill -KILL -$$; exit "$_jg_s""#,
);

/// A command on a leash, and how to tell what it says from what the leash does.
#[derive(Clone, Debug)]
pub(crate) struct Leash {
    nonce: String,
    grace: Duration,
}

impl Leash {
    pub(crate) fn new(grace: Duration) -> Self {
        Self { nonce: format!("jg{}{}", random_name(), random_name()), grace }
    }

    /// The arguments of the `sh` that is the leash.
    pub(crate) fn args(&self) -> [String; 4] {
        let grace = self.grace.as_secs() + u64::from(self.grace.subsec_nanos() > 0);
        ["-c".into(), LEASH.into(), "sh".into(), format!("{grace}")]
    }

    /// The same as a line for any login shell.
    #[cfg(feature = "ssh")]
    pub(crate) fn line(&self) -> String {
        let [_, leash, name, grace] = self.args();
        format!("exec sh -c '{leash}' {name} {grace}")
    }

    /// What a script is to say on its standard error if it cannot begin.
    pub(crate) fn not_begun(&self) -> String {
        format!("printf \"%s !\\n\" {} >&2", self.nonce)
    }

    /// What it is to be fed for a script.
    pub(crate) fn feed(&self, script: &[u8]) -> Vec<u8> {
        let nonce = self.nonce.as_bytes();
        let length = format!("{}", script.len() + 1 + nonce.len());
        [nonce, b"\n", length.as_bytes(), b"\n", script, b"\n", nonce, b"\n"].concat()
    }

    pub(crate) fn frame(&self) -> Frame {
        Frame { nonce: self.nonce.clone(), held: Vec::new(), said: Said::Nothing }
    }
}

/// Finds what a leash says in one of the streams. What comes before it, a login shell has said; what comes after the
/// code, nobody asked for.
#[derive(Debug)]
pub(crate) struct Frame {
    nonce: String,
    /// What may be the beginning of something that the leash says.
    held: Vec<u8>,
    said: Said,
}

/// What a leash has said at last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Nothing,
    /// The command has been started.
    Begun,
    /// It could not be, since its folder cannot be entered.
    NotBegun,
    /// What it ended with. All that it has written came before.
    Code(i32),
}

impl Frame {
    pub(crate) fn said(&self) -> Said {
        self.said
    }

    /// Takes what came, and gives what of it is the command's.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Vec<u8> {
        if matches!(self.said, Said::Code(_)) {
            return Vec::new();
        }
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(bytes);
        if self.said == Said::Nothing {
            let Some((_, rest)) = split(&all, &[self.nonce.as_bytes(), b"\n"].concat()) else {
                self.held = all.split_off(all.len().saturating_sub(KEPT));
                return Vec::new();
            };
            self.said = Said::Begun;
            all = rest.to_vec();
        }
        self.find(all)
    }

    /// What of this is the command's, once it has begun.
    fn find(&mut self, mut all: Vec<u8>) -> Vec<u8> {
        let (nonce, mut from) = (self.nonce.as_bytes(), 0);
        while let Some(at) = memmem::find(&all[from..], nonce).map(|at| from + at) {
            match said(&all[at + nonce.len()..]) {
                Some(Ok(said)) => {
                    all.truncate(at);
                    // Its code follows, which is that of the script that could not begin.
                    self.said = if self.said == Said::NotBegun { self.said } else { said };
                    return all;
                }
                // There may be more of it.
                None => {
                    self.held = all.split_off(at);
                    return all;
                }
                Some(Err(())) => from = at + nonce.len(),
            }
        }
        let begun = begun(&all[from..], nonce);
        self.held = all.split_off(all.len() - begun);
        all
    }

    /// There is no more: what was held was the command's after all, if it ever began.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        if self.said == Said::Begun { std::mem::take(&mut self.held) } else { Vec::new() }
    }

    /// What somebody else said, at last, of a command that never began.
    pub(crate) fn instead(&self) -> &[u8] {
        if self.said == Said::Nothing { &self.held } else { &[] }
    }
}

/// So much is kept of what is said before the leash speaks, in bytes.
const KEPT: usize = 4 << 10;

/// What a leash says after its nonce: ` CODE` or ` !`, and the end of the line. `None` if that may come yet.
fn said(after: &[u8]) -> Option<Result<Said, ()>> {
    let line = match memchr::memchr(b'\n', after) {
        Some(end) => &after[..end],
        None if after.len() > 4 => return Some(Err(())),
        None => {
            let may_be = |rest: &[u8]| rest == b"!" || rest.iter().all(u8::is_ascii_digit);
            let is_begun = after.is_empty() || after.strip_prefix(b" ").is_some_and(may_be);
            return if is_begun { None } else { Some(Err(())) };
        }
    };
    let said = match line.strip_prefix(b" ") {
        Some(b"!") => Said::NotBegun,
        Some(code @ [b'0'..=b'9', ..])
            if code.len() <= 3 && code.iter().all(u8::is_ascii_digit) =>
        {
            Said::Code(code.iter().fold(0, |code, digit| 10 * code + i32::from(digit - b'0')))
        }
        _ => return Some(Err(())),
    };
    Some(Ok(said))
}

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
