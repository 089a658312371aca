//! What a seed makes of a graph, a run, and each body in it.

use std::time::Duration;

use jobgraph::Condition;

/// `SplitMix64`.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).unwrap()
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    fn micros(&mut self, end: u64) -> Duration {
        Duration::from_micros(self.below(end))
    }
}

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) window: Option<usize>,
    /// How much there is of each pool.
    pub(crate) pools: Vec<u32>,
    pub(crate) timeout: Option<Duration>,
    /// When the future of the run is dropped.
    pub(crate) leave: Option<Duration>,
    /// Whether the run is awaited in a task of the runtime, not on a thread of its own.
    pub(crate) in_task: bool,
    pub(crate) observed: bool,
    pub(crate) jobs: Vec<JobPlan>,
}

#[derive(Debug)]
pub(crate) struct JobPlan {
    pub(crate) kind: Kind,
    pub(crate) steps: Vec<Step>,
    /// So many attempts end by `failure`, what follows by `end`.
    pub(crate) fails: u32,
    pub(crate) failure: End,
    pub(crate) end: End,
    pub(crate) on_drop: OnDrop,
    pub(crate) retries: u32,
    pub(crate) pause: Duration,
    pub(crate) timeout: Option<Duration>,
    /// `None`: unlimited.
    pub(crate) grace: Option<Duration>,
    pub(crate) critical: bool,
    pub(crate) hook: bool,
    pub(crate) requires: Vec<(usize, Condition)>,
    /// How much of which pool.
    pub(crate) takes: Vec<(usize, u32)>,
    /// Not in the graph: added by a job of it.
    pub(crate) added: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A future that is there from the beginning.
    Once,
    Context,
    Again,
    Forever,
    Service,
    Supervised,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Yield(u64),
    Sleep(Duration),
    /// Blocks the thread.
    Block(Duration),
    Add {
        job: usize,
        wait: bool,
    },
    Stop,
    Ready,
    /// Goes on once it is asked to end.
    Heed,
    Hang,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Return,
    Fail,
    Panic,
    Quit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnDrop {
    Nothing,
    Panic,
    Block(Duration),
}

impl Kind {
    pub(crate) fn is_finite(self) -> bool {
        matches!(self, Self::Once | Self::Context | Self::Again)
    }

    pub(crate) fn is_service(self) -> bool {
        matches!(self, Self::Service | Self::Supervised)
    }

    fn repeats(self) -> bool {
        matches!(self, Self::Again | Self::Supervised)
    }
}

impl Plan {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let random = &mut random;
        // Many jobs that hardly do anything, so that all threads report at once.
        let crowded = random.one_in(12);
        let most = match random.below(8) {
            _ if crowded => 1_500,
            0 => 150,
            _ => 40,
        };
        let len = 2 + random.index(most);
        // A run is to come to its end by itself, so there is a finite job.
        let mut jobs = vec![JobPlan::new(random, Kind::Again)];
        while jobs.len() < len {
            let kind = Kind::any(random);
            let plain = crowded && !random.one_in(20);
            let mut job = if plain { JobPlan::plain(random) } else { JobPlan::new(random, kind) };
            for _ in 0..random.below(4) {
                job.require(random, &jobs);
            }
            jobs.push(job);
        }
        if random.one_in(2) {
            add_additions(random, &mut jobs);
        }
        if random.one_in(6) {
            let stops = random.index(len);
            jobs[stops].steps.insert(0, Step::Stop);
        }
        let pools = share_out(random, &mut jobs);
        Self {
            pools,
            window: (!random.one_in(3)).then(|| 1 + random.index(6)),
            timeout: random.one_in(5).then(|| random.micros(5_000)),
            leave: random.one_in(5).then(|| random.micros(4_000)),
            in_task: random.one_in(2),
            observed: !random.one_in(4),
            jobs,
        }
    }
}

/// Makes pools, and has finite jobs take of them, some of several at once.
fn share_out(random: &mut Random, jobs: &mut [JobPlan]) -> Vec<u32> {
    if random.one_in(2) {
        return vec![];
    }
    let pools: Vec<_> =
        (0..=random.below(3)).map(|_| 1 + u32::try_from(random.below(4)).unwrap()).collect();
    for job in jobs.iter_mut().filter(|job| job.kind.is_finite()) {
        for (pool, &capacity) in pools.iter().enumerate() {
            if random.one_in(3) {
                job.takes.push((pool, 1 + u32::try_from(random.below(capacity.into())).unwrap()));
            }
        }
    }
    pools
}

/// Some jobs of the graph add others, which require nothing.
fn add_additions(random: &mut Random, jobs: &mut Vec<JobPlan>) {
    let len = jobs.len();
    for _ in 0..=random.below(8) {
        let (adds, kind) = (random.index(len), Kind::any(random));
        let step = Step::Add { job: jobs.len(), wait: random.one_in(2) };
        jobs[adds].steps.insert(0, step);
        jobs.push(JobPlan { added: true, ..JobPlan::new(random, kind) });
    }
}

impl Kind {
    fn any(random: &mut Random) -> Self {
        match random.below(16) {
            0..5 => Self::Once,
            5..8 => Self::Context,
            8..13 => Self::Again,
            13 => Self::Forever,
            14 => Self::Service,
            _ => Self::Supervised,
        }
    }
}

impl JobPlan {
    /// One that ends at once, or soon.
    fn plain(random: &mut Random) -> Self {
        let steps = if random.one_in(8) { vec![Step::Yield(random.below(3))] } else { vec![] };
        Self {
            kind: if random.one_in(4) { Kind::Context } else { Kind::Once },
            steps,
            fails: 0,
            failure: End::Fail,
            end: if random.one_in(50) { End::any(random) } else { End::Return },
            on_drop: OnDrop::Nothing,
            retries: 0,
            pause: Duration::ZERO,
            timeout: None,
            grace: Some(Duration::ZERO),
            critical: false,
            hook: false,
            requires: vec![],
            takes: vec![],
            added: false,
        }
    }

    fn new(random: &mut Random, kind: Kind) -> Self {
        let mut steps: Vec<Step> = (0..random.below(3)).map(|_| Step::any(random)).collect();
        if kind.is_service() && !random.one_in(8) {
            steps.push(Step::Ready);
        }
        match (kind.is_finite(), random.below(16)) {
            (true, 0) | (false, 0..4) => steps.push(Step::Hang),
            (true, 1) | (false, 4..12) => steps.push(Step::Heed),
            _ => {}
        }
        let mut plan = Self {
            kind,
            steps,
            fails: 0,
            failure: if random.one_in(2) { End::Fail } else { End::Panic },
            end: End::any(random),
            on_drop: OnDrop::any(random),
            retries: 0,
            pause: Duration::ZERO,
            timeout: None,
            grace: Some(Duration::ZERO),
            critical: random.one_in(100),
            hook: random.one_in(10),
            requires: vec![],
            takes: vec![],
            added: false,
        };
        plan.bound(random);
        plan
    }

    /// Retries, timeout and grace, such that the job comes to its end.
    fn bound(&mut self, random: &mut Random) {
        if self.kind.repeats() {
            self.fails = u32::try_from(random.below(3)).unwrap();
            self.retries = u32::try_from(random.below(4)).unwrap();
            if random.one_in(2) {
                self.pause = random.micros(300);
            }
        }
        let waits = self.steps.iter().any(|step| matches!(step, Step::Hang | Step::Heed));
        let is_ready = self.steps.contains(&Step::Ready);
        let may_stall = waits && self.kind.is_finite() || self.kind.is_service() && !is_ready;
        if may_stall || random.one_in(6) {
            self.timeout = Some(Duration::from_micros(1_000 + random.below(2_000)));
        }
        self.grace = match random.below(4) {
            0 | 1 => Some(Duration::ZERO),
            2 => Some(random.micros(1_000)),
            _ if self.steps.contains(&Step::Hang) || self.kind == Kind::Once => {
                Some(random.micros(1_000))
            }
            _ => None,
        };
    }

    fn require(&mut self, random: &mut Random, jobs: &[Self]) {
        let required = random.index(jobs.len());
        let of = &jobs[required];
        if of.kind == Kind::Forever || self.requires.iter().any(|(index, _)| *index == required) {
            return;
        }
        let condition = match random.below(10) {
            4 => Condition::Settled,
            _ if of.kind.is_service() => Condition::Succeeded,
            0 if !of.critical => Condition::Failed,
            0..4 => Condition::Finished,
            _ => Condition::Succeeded,
        };
        self.requires.push((required, condition));
    }
}

impl Step {
    fn any(random: &mut Random) -> Self {
        match random.below(8) {
            0..4 => Self::Yield(random.below(6)),
            4..6 => Self::Sleep(random.micros(400)),
            6 => Self::Block(random.micros(100)),
            _ => Self::Block(random.micros(1_000)),
        }
    }
}

impl End {
    fn any(random: &mut Random) -> Self {
        match random.below(24) {
            0 => Self::Fail,
            1 => Self::Panic,
            2 => Self::Quit,
            _ => Self::Return,
        }
    }
}

impl OnDrop {
    fn any(random: &mut Random) -> Self {
        match random.below(16) {
            0 => Self::Panic,
            1 | 2 => Self::Block(random.micros(1_000)),
            _ => Self::Nothing,
        }
    }
}
