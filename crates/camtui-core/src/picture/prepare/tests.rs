//! torchvision's results are in `tests/data/prepare.json`, written by `tests/goldens/resize.py`.

use super::super::resize::tests::formula;
use super::*;

#[test]
fn preprocessing_is_torchvisions() {
    let goldens: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/data/prepare.json")).unwrap();
    for golden in goldens.as_array().unwrap() {
        let recipe: Recipe = serde_json::from_value(golden["recipe"].clone()).unwrap();
        let side = |i: usize| golden["photo"][i].as_u64().unwrap() as u32;
        let tensor = prepare(&formula(side(0), side(1)), &recipe).unwrap();
        assert_eq!(tensor.shape(), [1, 3, recipe.height, recipe.width]);
        let what = format!("{}×{} by {recipe:?}", side(0), side(1));

        let norm = tensor.data().iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
        let theirs = golden["norm"].as_f64().unwrap();
        assert!((norm - theirs).abs() <= 1e-3 * theirs, "{what}: norm {norm}, torchvision's {theirs}");
        // One 8-bit level, after the division by the deviation.
        let level = 1.01 / 255.0 / f64::from(recipe.std.iter().copied().fold(f32::MAX, f32::min));
        for (i, sample) in golden["samples"].as_array().unwrap().iter().enumerate() {
            let ours = f64::from(tensor.data()[i * 7919 % tensor.data().len()]);
            let theirs = sample.as_f64().unwrap();
            assert!((ours - theirs).abs() <= level, "{what}: sample {i} is {ours}, torchvision's {theirs}");
        }
    }
}

#[test]
fn an_extreme_shape_takes_no_more_memory_than_its_crop() {
    // Resized by its shorter side, this would be 256×1280000 pixels.
    let recipe = Recipe { resize: Resize::CenterCrop, ..Recipe::imagenet() };
    for (w, h) in [(1, 5000), (5000, 1)] {
        let tensor = prepare(&formula(w, h), &recipe).unwrap();
        assert!(tensor.data().iter().all(|v| v.is_finite()));
    }
}

#[test]
fn the_seen_region_is_where_the_crop_lies() {
    let squash = Recipe::imagenet();
    assert_eq!(seen_region(640, 427, &squash), Rect::whole(640, 427));
    let crop = Recipe { resize: Resize::CenterCrop, ..Recipe::imagenet() };
    // 512×256 after resizing; the crop begins at 144 and 16, and a resized pixel is two of the photo's.
    assert_eq!(seen_region(1024, 512, &crop), Rect { x0: 288.0, y0: 32.0, x1: 736.0, y1: 480.0 });
    // 100 pixels in the middle of 224: the region reaches beyond the photo on all sides.
    let padded = Recipe { crop_resize: 100, ..crop };
    assert_eq!(seen_region(50, 50, &padded), Rect { x0: -31.0, y0: -31.0, x1: 81.0, y1: 81.0 });
}

#[test]
fn the_seen_region_agrees_with_what_is_prepared() {
    // A photo that is white only inside the seen region becomes a white tensor, up to the edge's filter.
    let recipe = Recipe { resize: Resize::CenterCrop, mean: [0.0; 3], std: [1.0; 3], ..Recipe::imagenet() };
    let region = seen_region(901, 600, &recipe);
    let mut pixels = vec![0; 901 * 600 * 3];
    for (i, pixel) in pixels.chunks_exact_mut(3).enumerate() {
        let (x, y) = ((i % 901) as f32 + 0.5, (i / 901) as f32 + 0.5);
        let inside = x > region.x0 && x < region.x1 && y > region.y0 && y < region.y1;
        pixel.fill(if inside { 255 } else { 0 });
    }
    let tensor = prepare(&Photo::from_rgb("white", 901, 600, pixels).unwrap(), &recipe).unwrap();
    let at = |y: usize, x: usize| tensor.data()[y * 224 + x];
    for i in 2..222 {
        assert!([at(2, i), at(221, i), at(i, 2), at(i, 221)].iter().all(|&v| v > 0.999), "at {i}");
    }
    assert!(at(0, 100) < 0.9 && at(100, 0) < 0.9 && at(223, 100) < 0.9 && at(100, 223) < 0.9);
}

#[test]
fn un_normalising_is_the_inverse() {
    let recipe = Recipe { height: 25, width: 40, ..Recipe::imagenet() };
    let photo = formula(40, 25);
    let tensor = prepare(&photo, &recipe).unwrap();
    assert_eq!(un_normalise(&tensor, &recipe).unwrap().pixels(), photo.pixels());
    let flat = Tensor::new([3, 25, 40], tensor.into_data()).unwrap();
    assert_eq!(un_normalise(&flat, &recipe).unwrap().pixels(), photo.pixels());
    assert!(un_normalise(&Tensor::zeros([1, 1, 5, 5]), &recipe).is_err());
    assert!(un_normalise(&Tensor::zeros([3, 0, 5]), &recipe).is_err());
    let wild = Tensor::new([3, 1, 1], vec![f32::NAN, f32::INFINITY, -9.0]).unwrap();
    assert_eq!(un_normalise(&wild, &recipe).unwrap().pixels(), [0, 255, 0]);
}

#[test]
fn a_recipe_that_cannot_be_followed_is_refused() {
    let photo = formula(3, 2);
    let good = Recipe::imagenet();
    for bad in [
        Recipe { height: 0, ..good.clone() },
        Recipe { width: 1 << 40, ..good.clone() },
        Recipe { resize: Resize::CenterCrop, crop_resize: 0, ..good.clone() },
        Recipe { std: [1.0, 0.0, 1.0], ..good.clone() },
        Recipe { mean: [f32::NAN; 3], ..good },
    ] {
        assert!(prepare(&photo, &bad).is_err(), "{bad:?}");
    }
}
