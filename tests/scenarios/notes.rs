use std::sync::{Arc, Mutex};

use jobgraph::{Context, FactKind, Job, JobState};

use crate::ways::Way;

/// Heard before the end, in order, also when it was said with the last breath; the last one stays, of whichever attempt.
pub(crate) fn what_jobs_say_of_themselves(way: &Way) {
    let mut graph = way.graph();
    let says = Job::with_context(async |cx| {
        cx.note("1 of 2");
        cx.note(String::from("2 of 2"));
    });
    let says = graph.add(says.label("says"));
    let waits = Job::with_context(async |cx: Context| {
        cx.note("waits\nfor \u{1b}[1mnothing");
        cx.clone().sleep(std::time::Duration::from_millis(1)).await;
    });
    let waits = graph.add(waits.label("waits"));
    let retried = Job::repeat_with_context(async |cx: Context| {
        let number = cx.attempt().number;
        if number < 3 {
            cx.note(format!("attempt {number}"));
            return Err("again");
        }
        Ok(())
    });
    let retried = graph.add(retried.retries(2));
    // One that is over is not heard any more, even if others still run.
    let kept: Arc<Mutex<Option<Context>>> = Arc::default();
    let keeps = Arc::clone(&kept);
    let quits = graph.add(Job::with_context(async move |cx| {
        *keeps.lock().unwrap() = Some(cx);
    }));
    let late = Job::new(async move {
        kept.lock().unwrap().take().unwrap().note("too late");
    });
    graph.add(late.requires(&quits));
    let silent = graph.add(Job::new(async {}));

    let told = Arc::new(Mutex::new(Vec::new()));
    let (hear, ended) = (Arc::clone(&told), says.id());
    graph.observe(move |fact| match &fact.what {
        FactKind::Note { id, text } => hear.lock().unwrap().push((*id, text.to_string())),
        FactKind::State { id, to: JobState::Ended(_), .. } if *id == ended => {
            hear.lock().unwrap().push((*id, "ended".into()));
        }
        _ => {}
    });
    let report = way.run(graph);
    let of = |id| -> Vec<String> {
        let told = told.lock().unwrap();
        told.iter().filter(|(job, _)| *job == id).map(|(_, text)| text.clone()).collect()
    };
    assert_eq!(of(says.id()), ["1 of 2", "2 of 2", "ended"]);
    assert_eq!(of(retried.id()), ["attempt 1", "attempt 2"]);
    assert!(of(quits.id()).is_empty());
    let note = |job| report.job(job).unwrap().note().map(ToString::to_string);
    assert_eq!(note(&says).unwrap(), "2 of 2");
    assert_eq!(note(&retried).unwrap(), "attempt 2");
    assert_eq!((note(&quits), note(&silent)), (None, None));
    let line = "waits   succeeded (waits\\nfor \\u{1b}[1mnothing)";
    assert!(report.to_string().contains(line), "{report}");
    let _ = waits;
}

/// Each job that another one adds is told with that, on whatever thread, also once it was polled a second time; what is
/// added from elsewhere is nobody's.
pub(crate) fn who_added_a_job(way: &Way) {
    let (mut graph, nap) = (way.graph(), way.ms(1));
    let told = Arc::new(Mutex::new(Vec::new()));
    let hear = Arc::clone(&told);
    graph.observe(move |fact| {
        if let FactKind::Added(info) = &fact.what {
            hear.lock().unwrap().push((info.label.clone().unwrap_or_default(), info.added_by));
        }
    });
    let mut adders = Vec::new();
    for number in 0..4 {
        let adder = graph.adder();
        let adds = Job::with_context(async move |cx: Context| {
            drop(adder.add(Job::new(async {}).label(format!("{number} first"))));
            cx.sleep(nap).await;
            let inner = adder.clone();
            let second = Job::new(async move {
                drop(inner.add(Job::new(async {}).label(format!("{number} third"))));
            });
            adder.add(second.label(format!("{number} second"))).await.unwrap().id()
        });
        adders.push(graph.add(adds.label("adds")));
    }
    let before = graph.adder().add(Job::new(async {}).label("before"));
    let report = way.run(graph);
    drop(before);
    let told = told.lock().unwrap();
    let by = |label: &str| told.iter().find(|(told, _)| &**told == label).unwrap().1;
    for (number, adder) in adders.iter().enumerate() {
        assert_eq!(by(&format!("{number} first")), Some(adder.id()));
        assert_eq!(by(&format!("{number} second")), Some(adder.id()));
        assert_eq!(by(&format!("{number} third")), report.output(adder).copied());
    }
    assert_eq!((by("before"), by("adds")), (None, None));
}
