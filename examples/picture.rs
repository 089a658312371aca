//! Draws the pictures of the README: what became of a run, light and dark, from its facts.
//!
//! `cargo run --example picture --features testing -- docs/pictures`
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use jobgraph::testing::VirtualClock;
use jobgraph::view::{CriticalPath, History, JobHistory};
use jobgraph::{Job, JobGraph, Outcome, Timestamp};

const ROW: u32 = 22;
const NAMES: f64 = 150.0;
const WIDTH: f64 = 860.0;

/// Of the ground, texts, lines, jobs that wait, that run, that failed, that were cut short, and of the critical path.
type Colours = [&'static str; 8];
const LIGHT: Colours =
    ["#ffffff", "#1b1f24", "#e2e6ea", "#d9a400", "#2f8f4e", "#c8372d", "#8a6d3b", "#b3186d"];
const DARK: Colours =
    ["#14171a", "#e6e9ec", "#2b3138", "#b98d13", "#4db36f", "#f0695f", "#c9a86a", "#ff7cc0"];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).ok_or("usage: picture FOLDER")?;
    let mut graph = experiment();
    let mut facts = graph.facts();
    let clock = VirtualClock::new();
    let report = clock.block_on(jobgraph::run(&clock, graph))?;
    let history: History = std::iter::from_fn(|| facts.try_next()).collect();
    for (name, colours) in [("timeline-light.svg", LIGHT), ("timeline-dark.svg", DARK)] {
        std::fs::write(folder.join(name), picture(&history, colours))?;
    }
    println!("{report}\n{}", CriticalPath::of(&history));
    Ok(())
}

/// Four hosts behind a gateway, three jobs at a time: one needs another try, one breaks and is reset.
fn experiment<'a>() -> JobGraph<'a> {
    let mut graph = JobGraph::new().window(3);
    let gateway = Job::service(|cx| async move {
        cx.sleep(Duration::from_millis(400)).await;
        cx.ready(());
        cx.cancelled().await;
        cx.sleep(Duration::from_millis(300)).await;
        Ok(())
    });
    let gateway = graph.add(gateway.label("gateway").grace(Duration::from_secs(1)));
    let work = |millis, fails: u32| {
        Job::repeat_with_context(move |cx| async move {
            cx.sleep(Duration::from_millis(millis)).await;
            if cx.attempt().number <= fails { Err("no space left on device") } else { Ok(()) }
        })
    };
    let mut measured = Vec::new();
    for host in 1..=4 {
        let boot = work(500 + host * 389 % 400, 0).label(format!("boot {host}"));
        let boot = graph.add(boot.requires(&gateway));
        let fails = match host {
            2 => 1,
            3 => 9,
            _ => 0,
        };
        let pause = Duration::from_millis(250);
        let install = work(600, fails).retries(1).backoff(pause, pause).requires(&boot);
        let install = graph.add(install.label(format!("install {host}")));
        if host == 3 {
            graph.add(work(400, 0).label("reset 3").on_failure_of(&install));
        }
        let measure = work(900 + host * 233 % 500, 0).label(format!("measure {host}"));
        measured.push(graph.add(measure.requires(&install)));
    }
    let collect = graph.add(work(300, 0).label("collect").after(&measured));
    graph.add(work(450, 0).label("plot").requires(&collect));
    graph
}

fn picture(history: &History, colours: Colours) -> String {
    let [ground, text, line, queued, ran, failed, cut, path] = colours;
    let rows: Vec<&JobHistory> = history.jobs().collect();
    let height = ROW * (u32::try_from(rows.len()).unwrap_or(0) + 1) + 8;
    let total = history.elapsed().as_secs_f64();
    let x = |at: Timestamp| {
        NAMES + at.saturating_since(history.begun()).as_secs_f64() / total * (WIDTH - NAMES - 10.0)
    };
    let critical = CriticalPath::of(history);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" rx=\"6\" fill=\"{ground}\"/>\n"
    );
    let mut second = Timestamp::ZERO;
    while second.saturating_since(history.begun()) <= history.elapsed() {
        let (at, label) = (x(second), second.as_nanos() / 1_000_000_000);
        let _ = writeln!(
            svg,
            "<path d=\"M{at:.0} 0V{height}\" stroke=\"{line}\"/><text x=\"{:.0}\" y=\"15\" fill=\"{text}\" opacity=\".6\">{label} s</text>",
            at + 4.0
        );
        second = second + Duration::from_secs(1);
    }
    for (row, job) in (1..).zip(rows) {
        let y = row * ROW;
        let mut bar = |from: f64, to: f64, thin: u32, colour: &str| {
            let (top, width) = (y + 4 + thin, (to - from).max(1.5));
            let _ = writeln!(
                svg,
                "<rect x=\"{from:.1}\" y=\"{top}\" width=\"{width:.1}\" height=\"{}\" rx=\"2\" fill=\"{colour}\"/>",
                14 - 2 * thin
            );
        };
        for attempt in &job.attempts {
            let (began, ended) =
                (x(attempt.started.at), x(attempt.ended.unwrap_or(history.now()).at));
            if let Some(waited) = attempt.queued.filter(|queued| queued.at < attempt.started.at) {
                bar(x(waited.at), began, 5, queued);
            }
            let is_cut = job.state.outcome() == Some(Outcome::Cancelled);
            let colour = if attempt.error.is_some() {
                failed
            } else if is_cut {
                cut
            } else {
                ran
            };
            bar(began, ended, 0, colour);
        }
        let (colour, weight) =
            if critical.contains(job.info.id) { (path, "bold") } else { (text, "normal") };
        let what = if job.attempts.is_empty() { " (skipped)" } else { "" };
        let _ = writeln!(
            svg,
            "<text x=\"10\" y=\"{}\" fill=\"{colour}\" font-weight=\"{weight}\">{}{what}</text>",
            y + 15,
            job.short_name()
        );
    }
    svg + "</svg>\n"
}
