//! How well drawn points match the data, and what guidance does to them.

use super::cloud::Points;

/// Directions of the distance, evenly over half a turn.
const DIRECTIONS: usize = 64;

/// The sliced Wasserstein distance of order 2 (Rabin et al. 2012) between two clouds of as many points each: along each of 64
/// directions the points are paired in their order; the root of the mean squared distance of the pairs, over all directions. In
/// units of the data, whose coordinates have a mean square of 1. What is beyond the smaller count is left out.
pub fn distance(a: &[f32], b: &[f32]) -> f64 {
    let count = a.len().min(b.len()) / 2;
    if count == 0 {
        return f64::NAN;
    }
    let along = |points: &[f32], angle: f64| {
        let (sin, cos) = angle.sin_cos();
        let place = |p: &[f32]| f64::from(p[0]) * cos + f64::from(p[1]) * sin;
        let mut places: Vec<f64> = points.chunks_exact(2).take(count).map(place).collect();
        places.sort_by(f64::total_cmp);
        places
    };
    let mut sum = 0.0;
    for i in 0..DIRECTIONS {
        let angle = std::f64::consts::PI * i as f64 / DIRECTIONS as f64;
        sum += along(a, angle).iter().zip(along(b, angle)).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / count as f64;
    }
    (sum / DIRECTIONS as f64).sqrt()
}

/// Neighbours that decide a class.
const NEIGHBOURS: usize = 15;

/// The share of points of a class, judged by the majority of the 15 nearest points of the data.
pub fn class_share(points: &[f32], data: &Points, class: u32) -> f64 {
    let count = points.len() / 2;
    let mut of_class = 0;
    for p in points.chunks_exact(2) {
        let mut near: Vec<(f32, u32)> =
            data.xy.chunks_exact(2).map(|q| square(p, q)).zip(data.classes.iter().copied()).collect();
        let most = NEIGHBOURS.min(near.len());
        if most == 0 {
            return f64::NAN;
        }
        near.select_nth_unstable_by(most - 1, |a, b| a.0.total_cmp(&b.0));
        let votes = near[..most].iter().filter(|n| n.1 == class).count();
        of_class += usize::from(2 * votes > most);
    }
    of_class as f64 / count.max(1) as f64
}

/// How spread out points are among themselves: the mean distance of each to its nearest neighbour. Compare equal counts only.
pub fn variety(points: &[f32]) -> f64 {
    let list: Vec<&[f32]> = points.chunks_exact(2).collect();
    let mut sum = 0.0;
    for (i, p) in list.iter().enumerate() {
        let others = list.iter().enumerate().filter(|(j, _)| *j != i);
        sum += f64::from(others.map(|(_, q)| square(p, q)).fold(f32::MAX, f32::min)).sqrt();
    }
    sum / list.len().max(1) as f64
}

fn square(p: &[f32], q: &[f32]) -> f32 {
    (p[0] - q[0]).powi(2) + (p[1] - q[1]).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_of_a_shift_is_its_mean_projection() {
        let a: Vec<f32> = (0..400).map(|i| ((i * 37) % 101) as f32 / 50.0).collect();
        let shifted: Vec<f32> = a.chunks(2).flat_map(|p| [p[0] + 3.0, p[1] + 4.0]).collect();
        assert!(distance(&a, &a) < 1e-9);
        // The mean of a squared cosine is a half: a shift of 5 has a distance of 5 / 2^1/2.
        assert!((distance(&a, &shifted) - 5.0 / 2f64.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn shares_and_variety() {
        let data = Points {
            xy: (0..40).flat_map(|i| [if i < 20 { -1.0 } else { 1.0 }, i as f32 / 40.0]).collect(),
            classes: (0..40).map(|i| u32::from(i >= 20)).collect(),
        };
        assert!((class_share(&[-1.0, 0.2, 1.0, 0.8, 1.0, 0.9, 1.0, 1.0], &data, 1) - 0.75).abs() < 1e-9);
        assert!((variety(&[0.0, 0.0, 1.0, 0.0, 2.0, 0.0]) - 1.0).abs() < 1e-6);
    }
}
