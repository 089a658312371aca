use std::time::Duration;

use expect_test::{Expect, expect};
use jobgraph::testing::VirtualClock;
use jobgraph::testing::reference::driver::watch;
use jobgraph::testing::reference::model::random_bytes;
use jobgraph::view::{CriticalPath, History, chrome_trace, dot, mermaid, timeline};
use jobgraph::{Clock, Fact, Graph, Job, JobGraph, JobInfo, Outcome, Payload};

use crate::{SECOND, motley, observed};

fn lines_of<P: Payload>(clock: &VirtualClock, mut graph: Graph<P>) -> Vec<String> {
    let mut facts = graph.facts();
    let _ = clock.block_on(jobgraph::run(clock, graph)).unwrap();
    let facts = std::iter::from_fn(|| facts.try_next());
    facts.map(|fact| without_place(&serde_json::to_string(&fact).unwrap())).collect()
}

/// The line of this file where something panics is of no interest.
fn without_place(text: &str) -> String {
    let pieces = text.split(concat!("\"", file!(), ":"));
    let mut pieces = pieces.map(|piece| piece.split_once('"').map_or(piece, |(_, rest)| rest));
    let first = text.split(file!()).next().unwrap_or_default();
    pieces.next();
    pieces.fold(first.trim_end_matches('"').to_string(), |text, piece| text + "\"HERE\"" + piece)
}

/// Two jobs that take, one of which is retried and fails; a service whose hook fails; a graph; a panicking drop.
fn sampler(clock: &VirtualClock) -> JobGraph<'_> {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    let mut graph = JobGraph::new().window(2).timeout(Duration::from_secs(60));
    let disk = graph.pool("disk", 3);
    let db = Job::service(|cx| async move {
        cx.ready(());
        cx.cancelled().await;
        Ok(())
    });
    let db = graph.add(db.label("db").on_shutdown(|| async { Err::<(), _>("still in use") }));
    let fetch = Job::repeat(move || async move {
        clock.sleep(SECOND).await;
        Err::<(), _>("no \"answer\"")
    });
    let fetch = fetch.retries(1).backoff(SECOND, SECOND).label("fetch").takes(2, &disk);
    let fetch = graph.add(fetch.requires(&db));
    let mut inner = JobGraph::new();
    let copy = Job::with_context(async |cx| {
        cx.note("3 of 3");
        cx.sleep(SECOND).await;
    });
    inner.add(copy.label("copy"));
    graph.add(Job::graph(inner).after(&fetch));
    let held = Panics;
    graph.add(Job::new(async move { drop(held) }).requires(&fetch));
    graph
}

#[test]
fn a_run_is_a_line_a_fact() {
    let clock = VirtualClock::new();
    expect![[r#"
        {"at":0,"event":"begun","format":1,"window":2,"pools":[{"pool":"disk","size":3}]}
        {"at":0,"event":"added","job":1,"label":"db","kind":"service","critical":false,"takes":[],"requires":[]}
        {"at":0,"event":"added","job":2,"label":"fetch","kind":"finite","critical":false,"takes":[{"pool":"disk","amount":2}],"requires":[{"job":1,"condition":"succeeded"}]}
        {"at":0,"event":"added","job":3,"label":null,"kind":"finite","critical":false,"takes":[],"requires":[{"job":2,"condition":"finished"}],"inside":[{"job":1,"label":"copy","kind":"finite","critical":false,"takes":[],"requires":[]}]}
        {"at":0,"event":"added","job":4,"label":null,"kind":"finite","critical":false,"takes":[],"requires":[{"job":2,"condition":"succeeded"}]}
        {"at":0,"event":"state","job":1,"from":{"state":"waiting"},"to":{"state":"queued"}}
        {"at":0,"event":"state","job":1,"from":{"state":"queued"},"to":{"state":"running","attempt":1}}
        {"at":0,"event":"ready","job":1}
        {"at":0,"event":"state","job":2,"from":{"state":"waiting"},"to":{"state":"queued"}}
        {"at":0,"event":"state","job":2,"from":{"state":"queued"},"to":{"state":"running","attempt":1}}
        {"at":1000000000,"event":"state","job":2,"from":{"state":"running","attempt":1},"to":{"state":"backoff","until":2000000000},"error":"no \"answer\""}
        {"at":2000000000,"event":"state","job":2,"from":{"state":"backoff","until":2000000000},"to":{"state":"queued"}}
        {"at":2000000000,"event":"state","job":2,"from":{"state":"queued"},"to":{"state":"running","attempt":2}}
        {"at":3000000000,"event":"state","job":2,"from":{"state":"running","attempt":2},"to":{"state":"failed","failure":"error"},"error":"no \"answer\""}
        {"at":3000000000,"event":"state","job":3,"from":{"state":"waiting"},"to":{"state":"queued"}}
        {"at":3000000000,"event":"state","job":4,"from":{"state":"waiting"},"to":{"state":"skipped","requirement":2}}
        {"at":3000000000,"event":"mishap","job":4,"what":"drop","message":"dropped","location":"HERE"}
        {"at":3000000000,"event":"state","job":3,"from":{"state":"queued"},"to":{"state":"running","attempt":1}}
        {"at":3000000000,"within":[3],"event":"begun","format":1,"window":null,"pools":[]}
        {"at":3000000000,"within":[3],"event":"added","job":1,"label":"copy","kind":"finite","critical":false,"takes":[],"requires":[]}
        {"at":3000000000,"within":[3],"event":"state","job":1,"from":{"state":"waiting"},"to":{"state":"queued"}}
        {"at":3000000000,"within":[3],"event":"state","job":1,"from":{"state":"queued"},"to":{"state":"running","attempt":1}}
        {"at":3000000000,"within":[3],"event":"note","job":1,"text":"3 of 3"}
        {"at":4000000000,"within":[3],"event":"state","job":1,"from":{"state":"running","attempt":1},"to":{"state":"succeeded"}}
        {"at":4000000000,"within":[3],"event":"over","verdict":"completed"}
        {"at":4000000000,"event":"state","job":3,"from":{"state":"running","attempt":1},"to":{"state":"succeeded"}}
        {"at":4000000000,"event":"state","job":1,"from":{"state":"running","attempt":1},"to":{"state":"cancelled"}}
        {"at":4000000000,"event":"hook_begun","job":1}
        {"at":4000000000,"event":"hook_ended","job":1,"outcome":{"state":"failed","failure":"error"},"error":"still in use"}
        {"at":4000000000,"event":"over","verdict":"completed"}
    "#]].assert_eq(&(lines_of(&clock, sampler(&clock)).join("\n") + "\n"));
}

#[test]
fn a_history_and_a_report_are_a_map() {
    let clock = VirtualClock::new();
    let history = observed(&clock, sampler(&clock));
    expect![[r#"
        {"format":1,"begun":0,"now":4000000000,"verdict":"completed","counts":{"waiting":0,"queued":0,"running":0,"backoff":0,"stopping":0,"succeeded":1,"failed":1,"cancelled":1,"skipped":1,"removed":0},"jobs":[
        {"job":1,"label":"db","kind":"service","critical":false,"takes":[],"requires":[],"state":{"state":"cancelled"},"added":0,"queued":0,"ready":0,"ended":4000000000,"attempts":[{"number":1,"queued":0,"started":0,"ended":4000000000}],"hook":{"started":4000000000,"ended":4000000000,"outcome":{"state":"failed","failure":"error"},"error":"still in use"}},
        {"job":2,"label":"fetch","kind":"finite","critical":false,"takes":[{"pool":"disk","amount":2}],"requires":[
        {"job":1,"condition":"succeeded"}],"state":{"state":"failed","failure":"error"},"added":0,"queued":0,"ended":3000000000,"attempts":[{"number":1,"queued":0,"started":0,"ended":1000000000,"error":"no \"answer\""},{"number":2,"queued":2000000000,"started":2000000000,"ended":3000000000,"error":"no \"answer\""}]},
        {"job":3,"label":null,"kind":"finite","critical":false,"takes":[],"requires":[
        {"job":2,"condition":"finished"}],"state":{"state":"succeeded"},"added":0,"queued":3000000000,"ended":4000000000,"attempts":[{"number":1,"queued":3000000000,"started":3000000000,"ended":4000000000}],"jobs":[
        {"job":1,"label":"copy","kind":"finite","critical":false,"takes":[],"requires":[],"state":{"state":"succeeded"},"added":3000000000,"queued":3000000000,"ended":4000000000,"note":"3 of 3","attempts":[{"number":1,"queued":3000000000,"started":3000000000,"ended":4000000000}]}]},
        {"job":4,"label":null,"kind":"finite","critical":false,"takes":[],"requires":[
        {"job":2,"condition":"succeeded"}],"state":{"state":"skipped","requirement":2},"added":0,"ended":3000000000,"attempts":[],"mishaps":[{"what":"drop","message":"dropped","location":"HERE"}]}]}"#]]
    .assert_eq(&without_place(&serde_json::to_string(&history).unwrap().replace("{\"job\"", "\n{\"job\"")));
    let report = clock.block_on(jobgraph::run(&clock, sampler(&clock))).unwrap();
    let (report, coarse) =
        (serde_json::to_value(&report), serde_json::to_value(History::from(&report)));
    assert_eq!(report.unwrap(), coarse.unwrap());
}

#[test]
fn what_was_written_can_be_read_again() {
    for seed in 0..600 {
        let bytes = random_bytes(seed, 40 + usize::try_from(seed % 400).unwrap());
        let (facts, _) = watch(&bytes, (seed % 3 != 0).then_some(seed));
        let lines: Vec<String> =
            facts.iter().map(|fact| serde_json::to_string(fact).unwrap()).collect();
        let read: Vec<Fact> =
            lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let again: Vec<String> =
            read.iter().map(|fact| serde_json::to_string(fact).unwrap()).collect();
        assert_eq!(again, lines);
        let written: History = facts.into_iter().collect();
        let read: History = read.into_iter().collect();
        assert_eq!(read.to_string(), written.to_string());
        assert_eq!(timeline(&read), timeline(&written));
        assert_eq!(CriticalPath::of(&read).to_string(), CriticalPath::of(&written).to_string());
    }
}

#[test]
fn lines_that_are_lost_doubled_or_swapped_are_survived() {
    let clock = VirtualClock::new();
    let sources = [lines_of(&clock, motley(&clock)), lines_of(&clock, sampler(&clock))];
    for seed in 0..2_000 {
        let mut bytes = random_bytes(seed, 100).into_iter();
        let mut below = |n: usize| usize::from(bytes.next().unwrap()) * n / 256;
        let mut lines = sources[usize::try_from(seed % 2).unwrap()].clone();
        for _ in 0..=below(6) {
            let [a, b] = [below(lines.len()), below(lines.len())];
            match below(3) {
                0 => drop(lines.remove(a)),
                1 => lines.insert(a, lines[b].clone()),
                _ => lines.swap(a, b),
            }
        }
        let facts = lines.iter().map(|line| serde_json::from_str::<Fact>(line).unwrap());
        let history: History = facts.collect();
        let shown = [timeline(&history), chrome_trace(&history), dot(&history), mermaid(&history)];
        assert!(shown.iter().all(|text| !text.is_empty()));
        let _ = (history.to_string(), CriticalPath::of(&history).to_string());
        assert!(serde_json::to_string(&history).is_ok());
    }
}

fn refused(line: &str, expected: &Expect) {
    expected.assert_eq(&serde_json::from_str::<Fact>(line).unwrap_err().to_string());
}

#[test]
fn what_is_no_fact_is_refused() {
    refused(
        r#"{"at":0,"event":"state","job":1,"from":{"state":"queued"},"to":{"state":"running"}}"#,
        &expect!["missing field `attempt` at line 1 column 83"],
    );
    refused(
        r#"{"at":0,"event":"ready","job":0}"#,
        &expect!["jobs are numbered from 1 at line 1 column 32"],
    );
    refused(
        r#"{"at":0,"event":"begun","format":2,"window":null,"pools":[]}"#,
        &expect!["this is format 2, 1 is the latest that can be read"],
    );
    refused(
        r#"{"at":0,"event":"begun","format":1,"window":0,"pools":[]}"#,
        &expect!["invalid value: integer `0`, expected a nonzero usize at line 1 column 57"],
    );
    refused(
        r#"{"at":0,"event":"over","verdict":"critical_failure"}"#,
        &expect!["missing field `job`"],
    );
    refused(
        r#"{"at":0,"event":"gone","job":1}"#,
        &expect![
            "unknown variant `gone`, expected one of `begun`, `added`, `state`, `ready`, `note`, `hook_begun`, `hook_ended`, `mishap`, `over` at line 1 column 31"
        ],
    );
    refused(
        r#"{"at":0,"event":"hook_ended","job":1,"outcome":{"state":"queued"}}"#,
        &expect!["queued is no outcome at line 1 column 66"],
    );
    refused(
        r#"{"at":0,"event":"ready""#,
        &expect!["EOF while parsing an object at line 1 column 23"],
    );
}

#[test]
fn what_is_not_known_is_left_out() {
    let line = r#"{"at":5,"event":"ready","job":7,"colour":"red","within":[2]}"#;
    let fact: Fact = serde_json::from_str(line).unwrap();
    assert_eq!(fact.to_string(), "5 ns: #2 / #7 is ready");
}

#[test]
fn a_number_beyond_any_graph_costs_nothing() {
    let line = r#"{"at":0,"event":"added","job":18446744073709551615,"label":"far","kind":"finite","critical":false,"takes":[],"requires":[{"job":18446744073709551614,"condition":"failed"}]}"#;
    let history: History = [serde_json::from_str::<Fact>(line).unwrap()].into_iter().collect();
    assert_eq!(history.jobs().count(), 1);
    assert!(timeline(&history).contains("far"));
}

#[test]
fn parts_of_facts_stand_for_themselves() {
    let outcome: Outcome = serde_json::from_str(r#"{"state":"skipped","requirement":3}"#).unwrap();
    assert_eq!(outcome.to_string(), "skipped (#3)");
    let info = r#"{"job":2,"label":null,"kind":"service","critical":true,"takes":[{"pool":"disk","amount":2}],"requires":[],"inside":[]}"#;
    let known: JobInfo = serde_json::from_str(info).unwrap();
    assert_eq!(serde_json::to_string(&known).unwrap(), info);
}
