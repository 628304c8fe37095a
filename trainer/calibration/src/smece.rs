//! The smooth calibration error (Błasiok & Nakkiran 2309.12236), as relplot 1.0.3 computes it.
//!
//! No bins, hence no edges: residuals f − y are smoothed by a Gaussian reflected at 0 and 1, and the
//! width σ is the one at which the error equals σ. An atom at exactly 0 or 1 stands on the mirror and
//! so counts half, as in relplot.

use crate::reliability::wilson_of_share;
use crate::tally::Tally;

/// σ is searched over 1 … 1,024 of these.
const STEPS: usize = 1024;
/// No smaller σ is tried: it would be below .001.
const LEAST_STEP: usize = 2;
/// Up to this many distinct values the smoothing of each is kept, so that a resample costs almost
/// nothing.
const ATOMS_MAX: usize = 64;
/// Beyond this many σ a Gaussian is below 1e-16 of its height.
const KERNEL_SIGMAS: f64 = 8.6;

/// The smooth calibration error and its width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SmoothError {
    /// 0..=1, lower is better.
    pub smece: f64,
    /// 1/1024 ..= 1.
    pub sigma: f64,
}

/// The smooth calibration error of one tally.
pub fn smooth_error(tally: &Tally) -> SmoothError {
    Smoother::new(tally.values()).measure(tally)
}

/// A place of the smooth reliability curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SmoothPlace {
    /// 0..=1.
    pub confidence: f64,
    /// The share of right answers near that confidence, 0..=1.
    pub accuracy: f64,
    /// Its 95% interval: Wilson's, at the number of answers that weigh as much (Kish 1965), so that
    /// it is sound where all or none are right.
    pub low: f64,
    pub high: f64,
}

/// The smooth reliability diagram: how often answers near a confidence were right.
#[derive(Clone, Debug, PartialEq)]
pub struct SmoothCurve {
    /// smECE, and the width of the Gaussian that the curve is smoothed by.
    pub error: SmoothError,
    /// Ascending, at multiples of 1 / [`CURVE_STEPS`]; only where an answer lies within
    /// [`CURVE_REACH_SIGMAS`] σ, so that there are gaps between values that lie far apart.
    pub places: Vec<SmoothPlace>,
}

/// Steps of the smooth curve from 0 to 1.
pub const CURVE_STEPS: usize = 100;
/// Further from the next answer than this many σ the curve would say nothing but what that answer
/// says.
pub const CURVE_REACH_SIGMAS: f64 = 3.0;

/// The curve of relplot's diagram: the answers' correctness, smoothed by smECE's own kernel and width.
pub fn curve(tally: &Tally) -> SmoothCurve {
    let error = smooth_error(tally);
    let plan = Plan::kernel_of(error.sigma);
    let mut grid = Grid::default();
    grid.fill(plan.points, tally);
    let stated: Vec<f64> = tally.cells().map(|cell| cell.confidence).collect();
    let is_near = |at: f64| {
        let next = stated.partition_point(|value| *value < at);
        let reach = CURVE_REACH_SIGMAS * error.sigma + 0.5 / CURVE_STEPS as f64;
        let near = |place: usize| {
            stated
                .get(place)
                .is_some_and(|value| (value - at).abs() <= reach)
        };
        near(next) || next.checked_sub(1).is_some_and(near)
    };
    let (first, last) = match stated.as_slice() {
        [first, .., last] => (*first, *last),
        [only] => (*only, *only),
        [] => (1.0, 0.0),
    };
    let steps = CURVE_STEPS as f64;
    let places = ((first * steps).floor() as usize..=(last * steps).ceil() as usize)
        .map(|step| step as f64 / steps)
        .filter(|at| is_near(*at))
        .map(|at| plan.place(&grid, at))
        .collect();
    SmoothCurve { error, places }
}

/// Measures many tallies over the same values (resamples), keeping what depends on σ alone.
pub(crate) struct Smoother {
    atoms: Option<Vec<f64>>,
    /// By σ in steps of 1/1024; made when first needed.
    plans: Vec<Option<Plan>>,
}

impl Smoother {
    pub fn new(values: &[f64]) -> Smoother {
        Smoother {
            atoms: (values.len() <= ATOMS_MAX).then(|| values.to_vec()),
            plans: (0..=STEPS).map(|_| None).collect(),
        }
    }

    /// As [`Smoother::measure`], looking first where the last tally's σ was: resamples lie near one
    /// another. The error falls as σ rises, so that there is one σ to be found.
    pub fn measure_near(&mut self, tally: &Tally, near: f64) -> SmoothError {
        let mut grid = Grid::default();
        let near = ((near * STEPS as f64) as usize).clamp(LEAST_STEP, STEPS);
        let sigma = |step: usize| step as f64 / STEPS as f64;
        // σ is too small at `high`, and large enough at `low`, with this error.
        let (mut high, mut low) = (LEAST_STEP - 1, None);
        let mut stride = 1;
        let mut step = near;
        loop {
            let error = self.at(step, tally, &mut grid);
            let is_too_small = sigma(step) < error && step < STEPS;
            match is_too_small {
                true => high = step,
                false => low = Some((step, error)),
            }
            let next = match low {
                Some((low, _)) if low - high <= 1 => break,
                // Both ends are known.
                Some((low, _)) if high >= LEAST_STEP => (low + high) / 2,
                Some((low, _)) => low.saturating_sub(stride).max(LEAST_STEP),
                None => (high + stride).min(STEPS),
            };
            stride *= 2;
            step = next;
        }
        let (step, smece) = low.unwrap_or((STEPS, 0.0));
        SmoothError {
            smece,
            sigma: sigma(step),
        }
    }

    /// `tally` is over the values that the smoother was made for.
    pub fn measure(&mut self, tally: &Tally) -> SmoothError {
        let mut grid = Grid::default();
        let (mut low, mut high) = (STEPS as f64, 0.0);
        let mut at_low = None;
        for _ in 0..10 {
            // Multiples of 1/1024 in all ten steps, since both ends are.
            let middle = (low + high) / 2.0;
            if (middle as usize) < LEAST_STEP {
                high = middle;
                continue;
            }
            let error = self.at(middle as usize, tally, &mut grid);
            if middle / (STEPS as f64) < error {
                high = middle;
            } else {
                low = middle;
                at_low = Some(error);
            }
        }
        let smece = at_low.unwrap_or_else(|| self.at(STEPS, tally, &mut grid));
        SmoothError {
            smece,
            sigma: low / STEPS as f64,
        }
    }

    /// smECE at σ = step / 1024.
    fn at(&mut self, step: usize, tally: &Tally, grid: &mut Grid) -> f64 {
        let atoms = self.atoms.as_deref();
        let plan =
            self.plans[step].get_or_insert_with(|| Plan::new(step as f64 / STEPS as f64, atoms));
        match &plan.atoms {
            Some(atoms) => plan.error_of_atoms(atoms, tally),
            None => plan.error_on_grid(tally, grid),
        }
    }
}

/// The tally's residuals and counts, split linearly over the points of a grid on 0..=1.
#[derive(Default)]
struct Grid {
    residual: Vec<f64>,
    count: Vec<f64>,
    /// Right answers.
    correct: Vec<f64>,
    /// The residuals mirrored at both ends.
    mirrored: Vec<f64>,
}

impl Grid {
    fn fill(&mut self, points: usize, tally: &Tally) {
        if self.residual.len() == points {
            return;
        }
        self.residual = vec![0.0; points];
        self.count = vec![0.0; points];
        self.correct = vec![0.0; points];
        for cell in tally.cells() {
            let (at, fraction) = place_on_grid(cell.confidence, points);
            let n = cell.n as f64;
            let residual = n * cell.confidence - cell.correct as f64;
            self.residual[at] += (1.0 - fraction) * residual;
            self.residual[at + 1] += fraction * residual;
            self.count[at] += (1.0 - fraction) * n;
            self.count[at + 1] += fraction * n;
            let correct = cell.correct as f64;
            self.correct[at] += (1.0 - fraction) * correct;
            self.correct[at + 1] += fraction * correct;
        }
        let inner = || self.residual[..points - 1].iter().rev();
        self.mirrored = self.residual[1..]
            .iter()
            .rev()
            .chain(&self.residual)
            .chain(inner())
            .copied()
            .collect();
    }
}

/// The grid point below `f`, and how far `f` stands towards the next, 0..=1.
fn place_on_grid(f: f64, points: usize) -> (usize, f64) {
    let at = ((f * (points - 1) as f64) as usize).min(points - 2);
    (at, f * (points - 1) as f64 - at as f64)
}

/// What depends on σ alone.
struct Plan {
    /// Grid points on 0..=1 (M).
    points: usize,
    /// The kernel from its first value that is not negligible.
    kernel: Vec<f64>,
    /// Where that value stands in the whole kernel of M values.
    kernel_start: usize,
    /// Where the smoothed residual is read: (grid point below, weight of the next).
    mesh: Vec<(usize, f64)>,
    /// By grid point: what a count there adds to Σ S(1). Empty if there are atoms.
    mass: Vec<f64>,
    atoms: Option<Atoms>,
}

/// The smoothed residual of each distinct value alone.
struct Atoms {
    /// By value, then mesh point: S of a unit residual there.
    response: Vec<f64>,
    /// By value: Σ of its response.
    mass: Vec<f64>,
}

impl Plan {
    fn new(sigma: f64, atoms: Option<&[f64]>) -> Plan {
        let mut plan = Plan::kernel_of(sigma);
        let intervals = (plan.points - 1) as f64;
        let mesh_points = ((10.0 / sigma).round_ties_even() as usize).max(200);
        plan.mesh = (0..mesh_points)
            .map(|at| {
                let t = if at + 1 == mesh_points {
                    1.0
                } else {
                    at as f64 * (1.0 / (mesh_points - 1) as f64)
                };
                let below = ((t * intervals) as usize).min(plan.points - 2);
                let width = 1.0 / intervals;
                (below, (t - below as f64 * width) / width)
            })
            .collect();
        match atoms {
            Some(values) => plan.atoms = Some(plan.atoms_of(values)),
            None => plan.mass = plan.mass_by_point(),
        }
        plan
    }

    /// Grid and kernel alone, with no mesh.
    fn kernel_of(sigma: f64) -> Plan {
        let points = ((20.0 / sigma).round_ties_even() as usize).max(2000) / 2 + 1;
        let intervals = (points - 1) as f64;
        let density = |at: usize| {
            let offset = at as f64 / intervals - 0.5;
            (-offset * offset / (2.0 * sigma * sigma)).exp()
                / ((2.0 * std::f64::consts::PI).sqrt() * sigma)
        };
        let reach = (KERNEL_SIGMAS * sigma * intervals).ceil() + 1.0;
        let kernel_start = (intervals / 2.0 - reach).max(0.0) as usize;
        let kernel_end = ((intervals / 2.0 + reach).ceil() as usize).min(points - 1);
        Plan {
            points,
            kernel: (kernel_start..=kernel_end).map(density).collect(),
            kernel_start,
            mesh: Vec::new(),
            mass: Vec::new(),
            atoms: None,
        }
    }

    /// The curve at a confidence: S(y) / (S(1) + 1e-4), as relplot smooths.
    fn place(&self, grid: &Grid, confidence: f64) -> SmoothPlace {
        let (below, weight) = place_on_grid(confidence, self.points);
        let (mut mass, mut squares, mut right) = (0.0, 0.0, 0.0);
        for (from, (&count, &correct)) in grid.count.iter().zip(&grid.correct).enumerate() {
            if count == 0.0 {
                continue;
            }
            let near =
                (1.0 - weight) * self.spread(from, below) + weight * self.spread(from, below + 1);
            mass += near * count;
            squares += near * near * count;
            right += near * correct;
        }
        let accuracy = (right / (mass + 1e-4)).clamp(0.0, 1.0);
        let answers = if squares > 0.0 {
            mass * mass / squares
        } else {
            0.0
        };
        let [low, high] = wilson_of_share(accuracy, answers);
        SmoothPlace {
            confidence,
            accuracy,
            low,
            high,
        }
    }

    /// Σ|S(f − y)| / Σ(S(1) + 1e-4).
    fn error_of_atoms(&self, atoms: &Atoms, tally: &Tally) -> f64 {
        let mut smoothed = vec![0.0; self.mesh.len()];
        let mut mass = 0.0;
        let mut cells = tally.cells().peekable();
        for (at, value) in tally.values().iter().enumerate() {
            let Some(cell) = cells.next_if(|cell| cell.confidence == *value) else {
                continue;
            };
            let residual = cell.n as f64 * cell.confidence - cell.correct as f64;
            mass += cell.n as f64 * atoms.mass[at];
            let response = &atoms.response[at * self.mesh.len()..][..self.mesh.len()];
            for (sum, r) in smoothed.iter_mut().zip(response) {
                *sum += residual * r;
            }
        }
        smoothed.iter().map(|s| s.abs()).sum::<f64>() / (mass + self.floor())
    }

    /// The same on the grid, for any number of values.
    fn error_on_grid(&self, tally: &Tally, grid: &mut Grid) -> f64 {
        grid.fill(self.points, tally);
        let mut last = (usize::MAX, 0.0);
        let mut total = 0.0;
        for &(below, weight) in &self.mesh {
            // A fine mesh has neighbours between the same two grid points.
            let here = if last.0 == below {
                last.1
            } else {
                self.convolve(&grid.mirrored, below)
            };
            let next = self.convolve(&grid.mirrored, below + 1);
            last = (below + 1, next);
            total += (here * (1.0 - weight) + next * weight).abs();
        }
        total / (dot(&self.mass, &grid.count) + self.floor())
    }

    /// relplot's guard against an empty density, once for each mesh point.
    fn floor(&self) -> f64 {
        1e-4 * self.mesh.len() as f64
    }

    /// S at a grid point: the 'valid' convolution of the mirrored values, cut to the middle third.
    fn convolve(&self, mirrored: &[f64], at: usize) -> f64 {
        let start = at + self.points / 2 + self.kernel_start;
        dot(&mirrored[start..start + self.kernel.len()], &self.kernel)
    }

    /// The kernel's value at `at` of M, 0 where it is negligible or outside.
    fn kernel_at(&self, at: isize) -> f64 {
        usize::try_from(at - self.kernel_start as isize)
            .ok()
            .and_then(|at| self.kernel.get(at))
            .copied()
            .unwrap_or(0.0)
    }

    /// S at grid point `to` of a unit at grid point `from`: itself and its two mirror images. A point
    /// on a mirror has one image less.
    fn spread(&self, from: usize, to: usize) -> f64 {
        let (m, from) = (self.points as isize, from as isize);
        let shift = (to + self.points / 2) as isize;
        let mut sum = self.kernel_at(m - 1 + from - shift);
        if from > 0 {
            sum += self.kernel_at(m - 1 - from - shift);
        }
        if from < m - 1 {
            sum += self.kernel_at(3 * m - 3 - from - shift);
        }
        sum
    }

    fn atoms_of(&self, values: &[f64]) -> Atoms {
        let mut response = Vec::with_capacity(values.len() * self.mesh.len());
        for &value in values {
            let (from, fraction) = place_on_grid(value, self.points);
            let spread = |to| {
                (1.0 - fraction) * self.spread(from, to) + fraction * self.spread(from + 1, to)
            };
            response.extend(self.mesh.iter().map(|&(below, weight)| {
                (1.0 - weight) * spread(below) + weight * spread(below + 1)
            }));
        }
        let mass = response
            .chunks(self.mesh.len())
            .map(|response| response.iter().sum())
            .collect();
        Atoms { response, mass }
    }

    fn mass_by_point(&self) -> Vec<f64> {
        // How much of Σ over the mesh is read at each grid point.
        let mut read = vec![0.0; self.points];
        for &(below, weight) in &self.mesh {
            read[below] += 1.0 - weight;
            read[below + 1] += weight;
        }
        let mut mass_mirrored = vec![0.0; 3 * self.points - 2];
        for (to, &read) in read.iter().enumerate().filter(|(_, read)| **read != 0.0) {
            let start = to + self.points / 2 + self.kernel_start;
            for (mass, k) in mass_mirrored[start..start + self.kernel.len()]
                .iter_mut()
                .zip(&self.kernel)
            {
                *mass += read * k;
            }
        }
        let m = self.points;
        (0..m)
            .map(|from| {
                let left = if from > 0 {
                    mass_mirrored[m - 1 - from]
                } else {
                    0.0
                };
                let right = if from < m - 1 {
                    mass_mirrored[3 * m - 3 - from]
                } else {
                    0.0
                };
                mass_mirrored[m - 1 + from] + left + right
            })
            .collect()
    }
}

/// Σ a·b, in eight sums that do not wait for one another.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a_chunks
        .remainder()
        .iter()
        .zip(b_chunks.remainder())
        .map(|(a, b)| a * b)
        .sum();
    let mut sums = [0.0; 8];
    for (a, b) in a_chunks.zip(b_chunks) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    rest + sums.iter().sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Row;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]
        #[test]
        fn atoms_and_grid_agree(rows in prop::collection::vec((0u32..=20, any::<bool>()), 1..60)) {
            let rows: Vec<Row> = rows.iter().map(|&(k, y)| Row::from((f64::from(k) / 20.0, y))).collect();
            let tally = Tally::of(&rows).unwrap();
            let by_atoms = smooth_error(&tally);
            let mut on_grid = Smoother::new(tally.values());
            on_grid.atoms = None;
            let on_grid = on_grid.measure(&tally);
            prop_assert_eq!(by_atoms.sigma, on_grid.sigma);
            prop_assert!((by_atoms.smece - on_grid.smece).abs() < 1e-11);
            for near in [0.0, by_atoms.sigma, 0.3, 1.0] {
                let found = Smoother::new(tally.values()).measure_near(&tally, near);
                prop_assert_eq!(found, by_atoms);
            }
        }
    }
}
