use loom::sync::Arc;
use loom::thread;

use crate::combine::{Combine, Waited};
use crate::reply::Reply;
use crate::sync::MutexGuard;

/// What the tasks of a run share, but for the run: there are jobs to be done.
#[derive(Default)]
struct State {
    ready: usize,
    /// How many were handed out, and not heard of since.
    out: usize,
    reports: Vec<Report>,
}

/// A job is done. Somebody may wait for another one.
struct Report(Option<Arc<Reply<Option<Job>>>>);

#[derive(Debug)]
struct Job;

impl State {
    fn next(&mut self) -> Option<Job> {
        self.ready = self.ready.checked_sub(1)?;
        self.out += 1;
        Some(Job)
    }

    fn hear(&mut self) {
        self.out -= 1;
    }

    fn catch_up(&mut self) {
        for Report(reply) in std::mem::take(&mut self.reports) {
            self.hear();
            if let Some(reply) = reply.filter(|reply| reply.is_awaited()) {
                reply.give(|| self.next());
            }
        }
    }
}

/// The ways that `shared.rs` goes.
#[derive(Clone)]
struct Shared(Arc<Combine<State, Report>>);

impl Shared {
    fn new(ready: usize, out: usize) -> Self {
        Self(Arc::new(Combine::new(State { ready, out, ..State::default() })))
    }

    fn decide<T>(
        &self,
        mut inside: MutexGuard<'_, State>,
        decide: impl FnOnce(&mut State) -> T,
    ) -> T {
        self.0.take(&mut inside.reports);
        inside.catch_up();
        let mine = inside.out;
        let decided = decide(&mut inside);
        self.leave(inside, mine);
        decided
    }

    /// Whoever is the only one who has anything to report does not look again.
    fn leave(&self, inside: MutexGuard<'_, State>, before: usize) {
        let claimed = usize::from(inside.out > before);
        let is_alone = inside.out <= claimed;
        if is_alone {
            return;
        }
        if self.0.leave(inside)
            && let Some(inside) = self.0.enter_if_free()
        {
            self.decide(inside, |_| ());
        }
    }

    /// A job is done: whether there is another one.
    fn say(&self, Job: Job) -> Option<Job> {
        if let Some(inside) = self.0.try_enter() {
            return self.decide(inside, |state| {
                state.hear();
                state.next()
            });
        }
        let reply = Arc::new(Reply::new());
        self.0.push(Report(Some(Arc::clone(&reply))));
        match self.0.wait(&reply) {
            Waited::Answered(answer) => answer,
            Waited::Left => None,
            Waited::Entered(inside) => match reply.withdraw() {
                None => self.decide(inside, State::next),
                Some(answer) => {
                    self.decide(inside, |_| ());
                    answer
                }
            },
        }
    }

    /// A job is done, and its task goes away.
    fn say_and_go(&self, Job: Job) {
        if let Some(inside) = self.0.try_enter() {
            return self.decide(inside, State::hear);
        }
        self.0.push(Report(None));
        if let Some(inside) = self.0.leave_behind() {
            self.decide(inside, |_| ());
        }
    }

    /// All that was handed out has been heard of, and nobody is there who could still do so.
    fn assert_heard(&self) {
        let inside = self.0.try_enter().expect("nobody is inside any more");
        let mut left = Vec::new();
        self.0.take(&mut left);
        assert!(left.is_empty(), "{} reports are left behind", left.len());
        assert_eq!(inside.out, 0, "handed out to nobody");
    }
}

/// So many threads have a job each, and so many more are ready. `LOOM_MAX_PREEMPTIONS=3` for more.
fn explore(threads: usize, ready: usize, task: fn(&Shared, Job)) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = model.preemption_bound.or(Some(2));
    model.check(move || {
        let shared = Shared::new(ready, threads);
        let others: Vec<_> = (1..threads)
            .map(|_| {
                let shared = shared.clone();
                thread::spawn(move || task(&shared, Job))
            })
            .collect();
        task(&shared, Job);
        for other in others {
            other.join().unwrap();
        }
        shared.assert_heard();
    });
}

fn go_on(shared: &Shared, job: Job) {
    let mut job = Some(job);
    while let Some(done) = job {
        job = shared.say(done);
    }
}

#[test]
fn no_job_is_left_behind_by_two_who_go_on() {
    explore(2, 2, go_on);
}

#[test]
fn no_job_is_left_behind_by_three_who_go_on() {
    explore(3, 1, go_on);
}

#[test]
fn no_job_is_left_behind_by_those_who_go_away() {
    explore(3, 0, Shared::say_and_go);
}

/// One of them may be inside while the other one goes away.
#[test]
fn no_job_is_left_behind_by_those_who_go_on_once() {
    explore(2, 2, |shared, job| {
        if let Some(another) = shared.say(job) {
            shared.say_and_go(another);
        }
    });
}
