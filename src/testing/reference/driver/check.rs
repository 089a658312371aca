use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::bodies::Made;
use super::compare::{compare, compare_notes, reported, same};
use super::decode::Features;
use super::execute::{Executed, execute};
use super::facts::{check_facts, fold};
use super::plan::Plan;
use super::simulate::simulate;
use super::simulated::Simulated;
use crate::{Fact, SendReport};

/// Runs what some bytes decode to, in place and in parallel with several orders of tasks, and compares
/// each run with the simulation. Some are run once more, and dropped half-way.
///
/// # Errors
/// What differs, with the plan.
pub fn check(bytes: &[u8]) -> Result<(), String> {
    let plan = Plan::decode(bytes);
    for seed in [None, Some(1), Some(2)] {
        let whole = check_run(&plan, &execute(&plan, seed, None));
        let dropped = || match plan.dropped {
            None => Ok(()),
            after => check_dropped(&plan, &execute(&plan, seed, after)),
        };
        whole
            .and_then(|()| dropped())
            .map_err(|what| format!("{what}\nseed of the tasks: {seed:?}\n{plan:#?}"))?;
    }
    Ok(())
}

/// Runs what some bytes decode to, without what not every observer knows, in place, or in parallel with an order of
/// tasks, and returns what its observers were told, with its report.
pub fn watch(bytes: &[u8], seed: Option<u64>) -> (Vec<Fact>, SendReport) {
    let plan = Plan { observed: true, ..Plan::decode_with(Features::NONE, bytes) };
    let Executed { facts: Some(facts), report: Some(report), .. } = execute(&plan, seed, None)
    else {
        unreachable!("it is observed, and not dropped")
    };
    (facts, report)
}

fn check_run(plan: &Plan, run: &Executed) -> Result<(), String> {
    let Some(report) = &run.report else { return Err("there is no report".to_string()) };
    let expected = simulate(plan, &run.stage);
    let graphs = reports(plan, &expected, run, report);
    nothing_left(run)
        .and_then(|()| compare_all(&expected, report, &graphs?))
        .and_then(|()| compare_notes(plan, &expected, &run.stage))
        .and_then(|()| match &run.facts {
            None => Ok(()),
            Some(facts) => check_facts(facts, &expected).map_err(|what| {
                let facts: Vec<String> = facts.iter().map(ToString::to_string).collect();
                format!("{what}\n{}", facts.join("\n"))
            }),
        })
        .map_err(|what| format!("{what}\n{report}"))
}

fn compare_all(
    expected: &Simulated,
    report: &SendReport,
    graphs: &[(usize, &SendReport)],
) -> Result<(), String> {
    compare(expected, report)?;
    for (position, report) in graphs {
        compare(&expected.inside[position], report)
            .map_err(|what| format!("inside job {position}: {what}\n{report}"))?;
    }
    Ok(())
}

/// The reports of the graphs inside, which are their outputs.
fn reports<'a>(
    plan: &Plan,
    expected: &Simulated,
    run: &Executed,
    report: &'a SendReport,
) -> Result<Vec<(usize, &'a SendReport)>, String> {
    let mut reports = Vec::new();
    for position in 0..plan.jobs.len() {
        let Made::Graph(handle) = &run.made[position] else { continue };
        let output = report.output(handle);
        let there = reported(expected).contains(&position);
        same(&format!("job {position} leaves a report"), &there, &output.is_some())
            .map_err(|what| format!("{what}\n{report}"))?;
        reports.extend(output.map(|output| (position, output)));
    }
    Ok(reports)
}

/// A run that was dropped has left nothing, and says nothing more.
fn check_dropped(plan: &Plan, run: &Executed) -> Result<(), String> {
    let told = run.facts.as_deref().unwrap_or_default();
    nothing_left(run)
        .and_then(|()| fold(told).map(drop))
        .map_err(|what| format!("dropped after {:?}: {what}", plan.dropped))
}

/// There were never more bodies than seats, and in the end there are none.
fn nothing_left(run: &Executed) -> Result<(), String> {
    if let Some(fault) = run.stage.fault() {
        return Err(fault);
    }
    let [tasks, alive, begun] = run.left;
    if tasks + alive + begun == 0 {
        return Ok(());
    }
    Err(format!("{tasks} tasks, {alive} values of bodies and {begun} begun bodies outlive the run"))
}
