use jobgraph::testing::VirtualClock;
use jobgraph::view::{History, chrome_trace, timeline};
use jobgraph::{Job, JobGraph};
use serde_json::Value;

use crate::{HOSTILE, SECOND, diamond, motley, observed, work};

/// What a page shows.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    let (data, _) = rest.split_once("</script>").unwrap();
    assert!(!data.contains(['<', '>', '&']));
    serde_json::from_str(data).unwrap()
}

fn job<'a>(data: &'a Value, name: &str) -> &'a Value {
    let jobs = data["jobs"].as_array().unwrap();
    jobs.iter().find(|job| job["name"].as_str().unwrap().contains(name)).unwrap()
}

#[test]
fn a_timeline_shows_attempts_causes_and_slack() {
    let clock = VirtualClock::new();
    let page = data(&timeline(&observed(&clock, motley(&clock))));
    assert_eq!(page["title"], "jobgraph: completed, 9 s");
    assert_eq!(page["jobs"].as_array().unwrap().len(), 9);
    let flaky = job(&page, "flaky");
    assert_eq!(
        flaky["attempts"].to_string(),
        concat!(
            "[[1000000.0,1000000.0,null,2000000.0,\"no answer\"],",
            "[3000000.0,3000000.0,null,4000000.0,\"no answer\"],",
            "[5000000.0,5000000.0,null,6000000.0,null]]"
        )
    );
    let by = usize::try_from(flaky["by"].as_u64().unwrap()).unwrap();
    assert_eq!(page["jobs"][by]["name"], "#1 db");
    assert_eq!((flaky["why"].as_str(), flaky["path"].as_bool()), (Some("was ready"), Some(true)));
    let copy = job(&page, "copy");
    assert_eq!((copy["depth"].as_u64(), copy["path"].as_bool()), (Some(1), Some(true)));
    assert_eq!(job(&page, "monitor")["slack"], Value::Null);
    let state = job(&page, "celebrate")["state"].as_str().unwrap();
    assert!(state.starts_with("skipped because of a \"b\" <i>c</i> & d\\nsecond"), "{state}");
}

#[test]
fn a_report_and_a_graph_have_timelines_too() {
    let clock = VirtualClock::new();
    let before = data(&timeline(&diamond(&clock)));
    assert_eq!(before["title"], "jobgraph: going on, 0 s");
    let report = clock.block_on(jobgraph::run(&clock, diamond(&clock))).unwrap();
    let after = data(&timeline(&report));
    assert_eq!(after["jobs"][1]["slack"].as_f64(), Some(2_000_000.0));
    assert_eq!(after["path"], "5 s: #1 a (1 s), #3 c (3 s), #4 d (1 s)");
}

#[test]
fn labels_stay_text() {
    let clock = VirtualClock::new();
    let history = observed(&clock, motley(&clock));
    let first_line = HOSTILE.lines().next().unwrap();
    let page = timeline(&history);
    assert!(job(&data(&page), first_line)["name"].as_str().unwrap().contains("</script> 🚀"));
    assert_eq!(page.matches("</script>").count(), 2);
    let trace: Value = serde_json::from_str(&chrome_trace(&history)).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    assert!(events.iter().any(|event| event["name"].as_str().unwrap().contains(first_line)));
}

#[test]
fn a_page_needs_nothing_from_elsewhere() {
    let page = timeline(&History::new());
    for word in ["http:", "https:", "src=", "href=", "@import", "url("] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn a_trace_has_a_thread_for_each_place_and_a_process_for_each_graph() {
    let clock = VirtualClock::new();
    let trace: Value =
        serde_json::from_str(&chrome_trace(&observed(&clock, motley(&clock)))).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let names: Vec<String> = events
        .iter()
        .filter(|event| event["ph"] == "M")
        .map(|event| {
            format!("{}/{} {}", event["pid"], event["tid"], event["args"]["name"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        names,
        ["1/0 jobs", "1/1 place 1", "1/2 #1 db", "1/3 #2 monitor", "2/0 #4 deploy", "2/1 place 1",]
    );
    assert!(events.iter().any(|event| event["ph"] == "i" && event["ts"] == 1_000_000.0));
}

#[test]
fn a_trace_shows_hooks_and_what_was_queued() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new().window(1);
    let slow = Job::new(work(&clock, SECOND)).label("slow");
    graph.add(slow.on_shutdown(|| async { Err::<(), _>("still in use") }));
    graph.add(Job::new(work(&clock, SECOND)).label("later"));
    let trace: Value = serde_json::from_str(&chrome_trace(&observed(&clock, graph))).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let hook = events.iter().find(|event| event["cat"] == "hook").unwrap();
    assert_eq!(hook["name"], "hook of #1 slow");
    assert_eq!(hook["ts"], 2_000_000.0);
    assert_eq!(hook["args"]["error"], "still in use");
    let waits: Vec<_> = events.iter().filter(|event| event["cat"] == "wait").collect();
    let [from, to] = waits[..] else { panic!("{waits:?}") };
    assert_eq!((&from["ph"], &from["ts"]), (&Value::from("b"), &Value::from(0.0)));
    assert_eq!((&to["ph"], &to["ts"]), (&Value::from("e"), &Value::from(1_000_000.0)));
    assert_eq!(from["args"]["job"], "#2 later");
    let curve: Vec<_> = events.iter().filter(|event| event["ph"] == "C").collect();
    let at = |position: usize| {
        let args = &curve[position]["args"];
        (args["running"].as_i64().unwrap(), args["queued"].as_i64().unwrap())
    };
    assert_eq!([at(0), at(1), at(2)], [(1, 1), (1, 0), (0, 0)]);
}
