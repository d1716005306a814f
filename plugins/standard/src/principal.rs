//! The pattern over a layer's positions that most of its variation follows, with a sign that means something.
#![forbid(unsafe_code)]

use crate::eigen::{combine, dot, first_right_singular_vector};

/// `X·v` for the matrix X `[Z, K]`, given by its K columns and centred here, and its first right singular vector v. A
/// singular vector's sign is arbitrary: here the map rises with the sum of the columns. `None` where every column is
/// constant.
pub fn principal_map(mut columns: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    for column in &mut columns {
        let mean = column.iter().sum::<f64>() / column.len() as f64;
        for x in column {
            *x -= mean;
        }
    }
    let mut map = combine(&columns, &first_right_singular_vector(&columns)?);
    let total = combine(&columns, &vec![1.0; columns.len()]);
    if dot(&map, &total) < 0.0 {
        for m in &mut map {
            *m = -*m;
        }
    }
    Some(map)
}
