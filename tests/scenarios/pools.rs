//! Limits by name.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use jobgraph::{Job, Order, SendJobGraph};

use crate::ways::{Log, Way};

/// How many of each are under way, and the most that ever were.
#[derive(Clone, Default)]
struct Count(Arc<Mutex<BTreeMap<String, (u32, u32)>>>);

impl Count {
    /// Counts until it is dropped.
    fn of(&self, what: &[(String, u32)]) -> Counted {
        let mut counts = self.0.lock().unwrap();
        for (name, amount) in what {
            let (now, most) = counts.entry(name.clone()).or_default();
            *now += amount;
            *most = (*most).max(*now);
        }
        Counted(self.clone(), what.to_vec())
    }

    fn most(&self, name: &str) -> u32 {
        self.0.lock().unwrap().get(name).map_or(0, |counts| counts.1)
    }
}

struct Counted(Count, Vec<(String, u32)>);

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.0.0.lock().unwrap();
        for (name, amount) in &self.1 {
            counts.get_mut(name).unwrap().0 -= amount;
        }
    }
}

/// Two at once on each of a thousand hosts, ten on a shared disk, a hundred in all.
pub(crate) fn per_host_two_a_disk_of_ten_and_a_window_of_a_hundred(way: &Way) {
    let count = Count::default();
    let mut graph = SendJobGraph::new().window(100);
    let disk = graph.pool("disk", 10);
    for host in 0..1_000 {
        let pool = graph.pool(&format!("host {host}"), 2);
        for part in 0..3 {
            let writes = host % 5 == 0 && part == 0;
            let mut what = vec![("all".to_string(), 1), (format!("host {host}"), 1)];
            if writes {
                what.push(("disk".to_string(), 3));
            }
            let (count, nap) = (count.clone(), way.ms(1));
            let job = Job::with_context(move |cx| {
                let sleep = cx.sleep(nap);
                async move {
                    let counted = count.of(&what);
                    sleep.await;
                    drop(counted);
                }
            });
            let job = job.within(&pool);
            graph.add(if writes { job.takes(3, &disk) } else { job });
        }
    }
    let report = way.run(graph);
    report.check().unwrap();
    assert_eq!(report.counts().succeeded, 3_000);
    assert!(count.most("disk") <= 10 && count.most("disk") >= 3, "{}", count.most("disk"));
    assert!(count.most("all") <= 100, "{}", count.most("all"));
    let most = (0..1_000).map(|host| count.most(&format!("host {host}"))).max();
    assert!(most <= Some(2), "{most:?}");
}

/// Who is cut off, panics or fails gives back what it took, as who succeeds does.
pub(crate) fn whoever_fails_gives_back(way: &Way) {
    let mut graph = way.graph();
    let (licence, count) = (graph.pool("licence", 1), Count::default());
    let what = [("licence".to_string(), 1)];
    for number in 0..6 {
        let (count, what, ms5) = (count.clone(), what.clone(), way.ms(5));
        let job = Job::repeat_with_context(move |cx| {
            let counted = count.of(&what);
            async move {
                let _counted = counted;
                match number {
                    0 => Err("as planned".into()),
                    1 => std::panic::resume_unwind(Box::new("as planned")),
                    2 => std::future::pending().await,
                    3 if cx.attempt().number == 1 => Err("once more".into()),
                    _ => {
                        cx.sleep(ms5).await;
                        jobgraph::ok(())
                    }
                }
            }
        });
        let job = job.within(&licence).retries(u32::from(number == 3));
        graph.add(if number == 2 { job.timeout(way.ms(20)) } else { job });
    }
    let report = way.run(graph);
    assert_eq!((report.counts().succeeded, report.counts().failed), (3, 3));
    assert_eq!(count.most("licence"), 1);
}

/// A graph that is a job takes from the pools outside as a job, its jobs from its own.
pub(crate) fn a_graph_takes_from_the_pools_around_it(way: &Way) {
    let (mut graph, count) = (way.graph(), Count::default());
    let licence = graph.pool("licence", 1);
    for _ in 0..3 {
        let mut inside = SendJobGraph::new();
        let door = inside.pool("door", 2);
        for _ in 0..4 {
            let (count, ms1) = (count.clone(), way.ms(1));
            let job = Job::with_context(move |cx| async move {
                let _counted = count.of(&[("door".to_string(), 1)]);
                cx.sleep(ms1).await;
            });
            inside.add(job.within(&door));
        }
        graph.add(Job::graph(inside).within(&licence));
    }
    way.run(graph).check().unwrap();
    assert!(count.most("door") <= 2, "{}", count.most("door"));
}

/// What was added waits for the same pools.
pub(crate) fn additions_take_from_pools(way: &Way) {
    let (mut graph, count) = (way.graph(), Count::default());
    let (licence, adder) = (graph.pool("licence", 2), graph.adder());
    let (counts, ms1) = (count.clone(), way.ms(1));
    graph.add(Job::try_new(async move {
        for _ in 0..6 {
            let count = counts.clone();
            let job = Job::with_context(move |cx| async move {
                let _counted = count.of(&[("licence".to_string(), 1)]);
                cx.sleep(ms1).await;
            });
            adder.add(job.within(&licence)).await?;
        }
        jobgraph::ok(())
    }));
    let report = way.run(graph);
    report.check().unwrap();
    assert_eq!(report.counts().succeeded, 7);
    assert!(count.most("licence") <= 2, "{}", count.most("licence"));
}

/// Ten texts are fetched and counted, one at a time.
pub(crate) fn depth_first_finishes_what_was_begun(way: &Way) {
    for (order, most) in [(Order::DepthFirst, 1), (Order::BreadthFirst, 10)] {
        let log = Log::default();
        let mut graph = SendJobGraph::new().window(1).order(order);
        let texts: Vec<_> = (0..10)
            .map(|_| {
                let log = log.clone();
                graph.add(Job::new(async move { log.say("fetched") }))
            })
            .collect();
        for text in &texts {
            let log = log.clone();
            graph.add(Job::with(text, move |_| async move { log.say("counted") }));
        }
        way.run(graph).check().unwrap();
        let mut held = (0_usize, 0);
        for line in log.take() {
            held.0 = if line == "fetched" { held.0 + 1 } else { held.0 - 1 };
            held.1 = held.1.max(held.0);
        }
        assert_eq!(held, (0, most), "{order:?}");
    }
}
