//! Graphs as lists of requirements. A job requires only jobs before it.

/// How many layers `layered` has, and how many requirements a job of them.
const LAYERS: usize = 100;
const REQUIREMENTS: usize = 3;
/// How many chains `chains` has.
const CHAINS: usize = 64;

/// What each job requires, in one array.
pub(crate) struct Shape {
    /// Where the requirements of each job begin; one more at the end.
    starts: Vec<u32>,
    required: Vec<u32>,
}

impl Shape {
    fn build(jobs: usize, mut require: impl FnMut(usize, &mut Vec<u32>)) -> Self {
        let mut shape = Self { starts: Vec::with_capacity(jobs + 1), required: Vec::new() };
        for job in 0..jobs {
            shape.starts.push(index(shape.required.len()));
            require(job, &mut shape.required);
        }
        shape.starts.push(index(shape.required.len()));
        shape
    }

    pub(crate) fn jobs(&self) -> usize {
        self.starts.len() - 1
    }

    pub(crate) fn requirements(&self, job: usize) -> &[u32] {
        &self.required[self.starts[job] as usize..self.starts[job + 1] as usize]
    }

    pub(crate) fn requirement_count(&self) -> usize {
        self.required.len()
    }
}

pub(crate) fn index(number: usize) -> u32 {
    u32::try_from(number).expect("fewer than 2^32 jobs and requirements")
}

/// No requirements.
pub(crate) fn independent(jobs: usize) -> Shape {
    Shape::build(jobs, |_, _| ())
}

/// Each requires the one before.
pub(crate) fn chain(jobs: usize) -> Shape {
    Shape::build(jobs, |job, required| required.extend(job.checked_sub(1).map(index)))
}

/// Many chains side by side.
pub(crate) fn chains(jobs: usize) -> Shape {
    Shape::build(jobs, |job, required| required.extend(job.checked_sub(CHAINS).map(index)))
}

/// One source, all the middles, one sink.
pub(crate) fn fan(jobs: usize) -> Shape {
    Shape::build(jobs, |job, required| match job {
        0 => {}
        _ if job + 1 == jobs => required.extend(1..index(job)),
        _ => required.push(0),
    })
}

/// All but the last are independent; the last requires them all.
pub(crate) fn fan_in(jobs: usize) -> Shape {
    Shape::build(jobs, |job, required| {
        if job + 1 == jobs {
            required.extend(0..index(job));
        }
    })
}

/// 100 layers; each job requires three random ones in the layer before.
pub(crate) fn layered(jobs: usize) -> Shape {
    let width = (jobs / LAYERS).max(1);
    let mut random = Random(1);
    Shape::build(jobs, |job, required| {
        let Some(layer_before) = (job / width).checked_sub(1) else { return };
        let first = required.len();
        while required.len() < first + REQUIREMENTS.min(width) {
            let other = index(layer_before * width + random.below(width));
            if !required[first..].contains(&other) {
                required.push(other);
            }
        }
    })
}

/// Four jobs: one, two that require it, and one that requires these.
pub(crate) fn diamond() -> Shape {
    fan(4)
}

/// Makes a shape of so many jobs.
pub(crate) type Make = fn(usize) -> Shape;

/// The shapes that are measured everywhere, by name.
pub(crate) const SHAPES: [(&str, Make); 4] =
    [("independent", independent), ("chain", chain), ("fan", fan), ("layered", layered)];

/// Splitmix64: the same graph each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % bound as u64).expect("less than a usize")
    }
}
