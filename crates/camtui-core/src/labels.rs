//! Class labels: the thousand of ImageNet, and finding the class that a word on the command line means.

/// The labels of ImageNet's 1000 classes, in the order of the published models' logits (torchvision's wording).
pub fn imagenet() -> Vec<String> {
    include_str!("../data/imagenet_labels.txt").lines().map(str::to_owned).collect()
}
