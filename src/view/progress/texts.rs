//! How times are told, and lines fitted into their width.

use std::format;
use std::string::{String, ToString};
use std::time::Duration;
use std::vec::Vec;

use console::{measure_text_width, truncate_str};

/// `12.3 s`, `3:05`, `1:02:03`.
pub(super) fn elapsed(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds}.{} s", time.subsec_millis() / 100),
        _ => roughly(time),
    }
}

/// `12 s`, `3:05`, `1:02:03`.
pub(super) fn roughly(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60),
    }
}

/// To tenths of a second.
pub(super) fn round(time: Duration) -> Duration {
    Duration::from_millis(time.as_secs() * 1_000 + u64::from(time.subsec_millis()) / 100 * 100)
}

pub(super) fn fit(text: &str, width: usize) -> String {
    truncate_str(text, width, "…").into_owned()
}

pub(super) fn pad(text: &str, width: usize) -> String {
    let spaces = width.saturating_sub(measure_text_width(text));
    text.to_string() + &" ".repeat(spaces)
}

/// Items, each after what parts it from the one before, on as many lines as they need.
pub(super) fn wrap(items: &[(&str, String)], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (separator, item) in items {
        match lines.last_mut() {
            Some(line) if measure_text_width(&[line, *separator, item].concat()) <= width => {
                line.push_str(separator);
                line.push_str(item);
            }
            _ => lines.push(fit(item, width)),
        }
    }
    lines
}
