use std::format;
use std::string::{String, ToString};
use std::time::Duration;
use std::vec::Vec;

use super::json::{Micros, Text};
use crate::run::one_line;

/// Events of the trace format of Chrome, one after the other.
#[derive(Default)]
pub(crate) struct Events {
    events: Vec<String>,
    /// How many arrows and waits there are: each has a number of its own.
    numbers: usize,
}

/// A thread of a process, as the format calls it.
#[derive(Clone, Copy)]
pub(crate) struct Track {
    pub(crate) process: usize,
    pub(crate) thread: usize,
}

impl Events {
    pub(crate) fn into_json(self) -> String {
        let events = self.events.join(",\n");
        format!("{{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n{events}\n]}}\n")
    }

    /// `what` is `process_name` or `thread_name`.
    pub(crate) fn name(&mut self, what: &str, track: Track, name: &str) {
        let args = args(&[("name", name)]);
        self.put("M", what, track, &format!(",\"args\":{args}"));
    }

    /// What takes time on a track.
    pub(crate) fn slice(
        &mut self,
        (category, name): (&str, &str),
        track: Track,
        (from, to): (Duration, Duration),
        known: &[(&str, &str)],
    ) {
        let times = format!(
            ",\"cat\":\"{category}\",\"ts\":{},\"dur\":{},\"args\":{}",
            Micros(from),
            Micros(to.saturating_sub(from)),
            args(known)
        );
        self.put("X", name, track, &times);
    }

    /// What takes time on no track of its own, beside others of that name.
    pub(crate) fn wait(
        &mut self,
        name: &str,
        track: Track,
        (from, to): (Duration, Duration),
        known: &[(&str, &str)],
    ) {
        self.numbers += 1;
        for (phase, at) in [("b", from), ("e", to)] {
            let rest = format!(
                ",\"cat\":\"wait\",\"id\":{},\"ts\":{},\"args\":{}",
                self.numbers,
                Micros(at),
                args(known)
            );
            self.put(phase, name, track, &rest);
        }
    }

    pub(crate) fn instant(&mut self, name: &str, track: Track, at: Duration) {
        let rest = format!(",\"cat\":\"{name}\",\"ts\":{},\"s\":\"t\"", Micros(at));
        self.put("i", name, track, &rest);
    }

    /// An arrow between the slices that there are on these tracks at these times.
    pub(crate) fn arrow(&mut self, name: &str, from: (Track, Duration), to: (Track, Duration)) {
        self.numbers += 1;
        for (phase, (track, at), binding) in [("s", from, ""), ("f", to, ",\"bp\":\"e\"")] {
            let rest = format!(
                ",\"cat\":\"requires\",\"id\":{},\"ts\":{}{binding}",
                self.numbers,
                Micros(at)
            );
            self.put(phase, name, track, &rest);
        }
    }

    /// Values of a curve from this time on.
    pub(crate) fn curve(
        &mut self,
        name: &str,
        process: usize,
        at: Duration,
        values: &[(&str, i64)],
    ) {
        let values: Vec<String> =
            values.iter().map(|(name, value)| format!("{}:{value}", Text(name))).collect();
        let rest = format!(",\"ts\":{},\"args\":{{{}}}", Micros(at), values.join(","));
        self.put("C", name, Track { process, thread: 0 }, &rest);
    }

    fn put(&mut self, phase: &str, name: &str, Track { process, thread }: Track, rest: &str) {
        let name = Text(&one_line(name)).to_string();
        self.events.push(format!(
            "{{\"ph\":\"{phase}\",\"name\":{name},\"pid\":{process},\"tid\":{thread}{rest}}}"
        ));
    }
}

fn args(known: &[(&str, &str)]) -> String {
    let known: Vec<String> = known
        .iter()
        .map(|(name, value)| format!("{}:{}", Text(name), Text(&one_line(value))))
        .collect();
    format!("{{{}}}", known.join(","))
}
