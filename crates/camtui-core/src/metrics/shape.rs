//! What a map looks like, whatever the model: how concentrated it is, and how much of it lies at the border.

/// The Gini coefficient of the map's values: 0 where all are equal, towards 1 where few hold everything. Higher means a
/// map that is easier to read, not one that is right. 0 for a map of zeros.
pub fn sparsity(map: &[f32]) -> f64 {
    let mut values: Vec<f64> = map.iter().map(|&v| f64::from(v.abs())).collect();
    values.sort_by(f64::total_cmp);
    let (count, sum) = (values.len() as f64, values.iter().sum::<f64>());
    if sum <= 0.0 {
        return 0.0;
    }
    let weighted: f64 = values.iter().enumerate().map(|(n, v)| (n as f64 + 1.0) * v).sum();
    (2.0 * weighted / sum - (count + 1.0)) / count
}

/// The share of the map in the outer tenth of the picture, on each side: 0…1. A map that knows nothing has 0.36 there.
pub fn border_mass(map: &[f32], height: usize, width: usize) -> f64 {
    let frame = |at: usize, length: usize| {
        let tenth = (length as f64 / 10.0).round() as usize;
        at < tenth || at >= length - tenth
    };
    let total: f64 = map.iter().map(|&v| f64::from(v.abs())).sum();
    let at = |n: usize| frame(n / width, height) || frame(n % width, width);
    let outside = map.iter().enumerate().filter(|(n, _)| at(*n));
    if total > 0.0 { outside.map(|(_, &v)| f64::from(v.abs())).sum::<f64>() / total } else { 0.0 }
}
