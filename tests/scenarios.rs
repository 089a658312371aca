//! One list of scenarios, run in every way that a graph can be run.
#![cfg(all(feature = "testing", feature = "smol", feature = "tokio"))]

#[path = "support/executor.rs"]
mod executor;
#[path = "scenarios/ways.rs"]
mod ways;

#[path = "scenarios/composition.rs"]
mod composition;
#[path = "scenarios/ending.rs"]
mod ending;
#[path = "scenarios/failures.rs"]
mod failures;
#[path = "scenarios/feeding.rs"]
mod feeding;
#[path = "scenarios/leaving.rs"]
mod leaving;
#[path = "scenarios/notes.rs"]
mod notes;
#[path = "scenarios/pools.rs"]
mod pools;
#[path = "scenarios/servers.rs"]
mod servers;
#[path = "scenarios/services.rs"]
mod services;
#[path = "scenarios/stopping.rs"]
mod stopping;
#[path = "scenarios/transient.rs"]
mod transient;

/// A test for each scenario in each way.
macro_rules! scenarios {
    ($($group:ident: $($scenario:ident)*;)*) => {
        scenarios!(@way virtual_in_place, |run: fn(&Way)| run(&Way::virtual_in_place()), $($group: $($scenario)*;)*);
        scenarios!(@way virtual_in_place_with_a_window, |run: fn(&Way)| run(&Way::virtual_in_place().windowed()), $($group: $($scenario)*;)*);
        scenarios!(@way virtual_parallel, |run: fn(&Way)| (0..50).for_each(|seed| run(&Way::virtual_parallel(seed))), $($group: $($scenario)*;)*);
        scenarios!(@way virtual_parallel_with_a_window, |run: fn(&Way)| (0..50).for_each(|seed| run(&Way::virtual_parallel(seed).windowed())), $($group: $($scenario)*;)*);
        scenarios!(@way smol_in_place, |run: fn(&Way)| run(&Way::smol_in_place()), $($group: $($scenario)*;)*);
        scenarios!(@way smol_executor, |run: fn(&Way)| run(&Way::smol_executor()), $($group: $($scenario)*;)*);
        scenarios!(@way tokio_in_place, |run: fn(&Way)| run(&Way::tokio_in_place()), $($group: $($scenario)*;)*);
        scenarios!(@way tokio_current_thread, |run: fn(&Way)| run(&Way::tokio_current_thread()), $($group: $($scenario)*;)*);
        scenarios!(@way tokio_multi_thread, |run: fn(&Way)| run(&Way::tokio_multi_thread()), $($group: $($scenario)*;)*);
        scenarios!(@way tokio_multi_thread_with_a_window, |run: fn(&Way)| run(&Way::tokio_multi_thread().windowed()), $($group: $($scenario)*;)*);
    };
    (@way $way:ident, $run:expr, $($group:ident: $($scenario:ident)*;)*) => {
        mod $way {
            use crate::ways::Way;
            $($(#[test] fn $scenario() { ($run)(crate::$group::$scenario) })*)*
        }
    };
}

scenarios! {
    failures: a_failure_skips_its_dependents a_critical_failure_cancels_what_runs two_critical_failures_are_both_kept
        after_and_on_failure_of a_failing_job_frees_its_place a_panic_is_reported a_job_may_drop_its_context
        retries_and_timeouts reports_are_equal
        a_job_knows_its_last_attempt;
    ending: a_job_that_ignores_its_cancellation_has_its_grace a_job_that_blocks_delays_the_end
        dropping_the_run_leaves_nothing_alive hooks_run_in_reverse_order a_hook_that_hangs_or_panics_is_reported
        the_ladder_of_stops the_third_stop_aborts_the_hooks a_bus_is_drained a_stop_before_the_run what_the_run_cut_short_says_why;
    services: three_services_start_and_stop_in_order a_service_may_be_ready_with_its_last_breath
        a_service_that_is_never_ready a_service_that_takes_too_long a_restarted_service_and_its_latest_value
        a_supervised_service_is_restarted a_service_that_fails_when_it_has_been_ready;
    servers: a_server_goes_on_after_its_set_up a_server_that_nobody_awaits_never_starts services_alone_go_on_beside_additions
        an_awaited_service_that_ends_completes_the_run an_awaited_service_that_fails_ends_the_run_and_is_told
        a_run_until_stopped_waits_for_what_is_added;
    feeding: a_job_is_fed_what_became_of_others a_job_is_fed_what_became_of_services a_handle_a_list_and_what_may_be_missing_feed_one_job
        a_graph_is_made_of_what_others_left a_graph_that_is_being_made_is_stopped a_job_runs_graphs a_graph_that_a_job_runs_is_stopped_with_it;
    notes: what_jobs_say_of_themselves who_added_a_job;
    transient: outputs_go_with_the_last_reader what_a_supervised_service_reads_stays an_added_reader_is_in_time_or_told;
    leaving: what_has_ended_leaves_with_all_that_it_kept it_leaves_after_those_that_require_it it_leaves_however_it_ends;
    pools: per_host_two_a_disk_of_ten_and_a_window_of_a_hundred whoever_fails_gives_back
        a_graph_takes_from_the_pools_around_it additions_take_from_pools depth_first_finishes_what_was_begun;
    stopping: one_job_is_cancelled_wherever_it_is what_requires_a_cancelled_job_is_skipped a_job_cancels_itself
        a_job_of_another_graph_is_not_cancelled a_cancel_before_the_run_is_remembered
        stopping_in_order_again_and_again_aborts_nothing abort_ends_what_does_not_heed abort_while_the_hooks_run_aborts_them
        a_job_inside_stops_the_whole_run_or_its_own_graph a_job_inside_cancels_one_of_its_own_graph;
    composition: jobs_add_jobs a_graph_is_a_job a_nested_failure_is_a_failure a_nested_timeout_is_a_failure
        stopping_the_parent_stops_inside_in_order aborting_the_parent_leaves_nothing_alive
        custom_jobs_are_retried_and_shut_down a_graph_runs_again any_of_three_mirrors_is_enough;
}

/// Only several threads can do this.
mod at_once {
    use std::sync::{Arc, Barrier};

    use jobgraph::{Job, SendJobGraph, ServiceContext};

    use crate::ways::Way;

    /// Two jobs that are freed at once meet at a barrier: one after the other, they would wait for ever.
    fn two_freed_jobs_meet(way: &Way) {
        for _ in 0..20 {
            let barrier = Arc::new(Barrier::new(2));
            let mut graph = SendJobGraph::new();
            let first = graph.add(Job::new(async {}));
            for _ in 0..2 {
                let barrier = Arc::clone(&barrier);
                graph.add(
                    Job::new(async move {
                        let _ = barrier.wait();
                    })
                    .requires(&first),
                );
            }
            assert!(way.run(graph).is_completed());
        }
    }

    /// It says so in the midst of a poll, during which other jobs end and start.
    fn a_service_is_ready_after_a_long_poll(way: &Way) {
        let [said, went_on] = [(); 2].map(|()| Arc::new(Barrier::new(2)));
        let mut graph = SendJobGraph::new();
        let waits = [Arc::clone(&said), Arc::clone(&went_on)];
        let service = graph.add(Job::service(move |cx: ServiceContext<()>| async move {
            cx.ready(());
            for barrier in waits {
                let _ = barrier.wait();
            }
            cx.cancelled().await;
            Ok(())
        }));
        let ends = graph.add(Job::new(async move {
            let _ = said.wait();
        }));
        let starts = Job::new(async move {
            let _ = went_on.wait();
        });
        graph.add(starts.requires(&ends));
        let user = graph.add(Job::new(async {}).requires(&service));
        assert!(way.run(graph).is_done(&user));
    }

    #[test]
    fn on_tokio() {
        two_freed_jobs_meet(&Way::tokio_multi_thread());
        a_service_is_ready_after_a_long_poll(&Way::tokio_multi_thread());
    }

    #[test]
    fn on_smol() {
        two_freed_jobs_meet(&Way::smol_executor());
        a_service_is_ready_after_a_long_poll(&Way::smol_executor());
    }
}

#[test]
#[should_panic(expected = "jobgraph::tokio runs inside a tokio runtime")]
fn tokio_says_that_it_needs_a_runtime() {
    let _ = futures_lite::future::block_on(jobgraph::tokio::run(jobgraph::JobGraph::new()));
}
