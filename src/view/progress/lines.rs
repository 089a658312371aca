use std::io::{self, Write};
use std::string::String;
use std::sync::Arc;
use std::vec::Vec;

use super::outlet::Outlet;

/// Prints whole lines, in whatever pieces they come.
#[derive(Debug)]
pub(super) struct Lines {
    outlet: Arc<Outlet>,
    unfinished: Vec<u8>,
}

/// A line that has more bytes is broken.
const LONGEST: usize = 1 << 16;

impl Lines {
    pub(super) fn new(outlet: Arc<Outlet>) -> Self {
        Self { outlet, unfinished: Vec::new() }
    }

    /// Prints the first bytes of what is unfinished.
    fn print(&mut self, length: usize) {
        let rest = self.unfinished.split_off(length);
        let line = std::mem::replace(&mut self.unfinished, rest);
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        self.outlet.print(String::from_utf8_lossy(line).into_owned());
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            for piece in line.chunks(LONGEST) {
                self.unfinished.extend_from_slice(piece);
                if self.unfinished.len() > LONGEST {
                    let mut cuts = (LONGEST - 3..LONGEST).rev();
                    let cut = cuts.find(|&at| !is_inside(self.unfinished[at]));
                    self.print(cut.unwrap_or(LONGEST));
                }
            }
            if line.ends_with(b"\n") {
                self.print(self.unfinished.len());
            }
        }
        Ok(bytes.len())
    }

    /// What is not a whole line yet goes on waiting.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if !self.unfinished.is_empty() {
            self.print(self.unfinished.len());
        }
    }
}

/// Whether a character of UTF-8 goes on with this byte.
fn is_inside(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}
