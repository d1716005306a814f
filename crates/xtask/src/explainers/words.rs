//! What no description of an explainer says of it: when to take it, and where it misleads.

/// Id, when to use it, where it misleads.
pub const WORDS: [(&str, &str, &str); 30] = [
    (
        "grad-cam",
        "First, and at the last layer: quick, and the one that readers know.",
        "Below the last stage the mean gradient forgets where a channel matters; several objects of a class melt into one.",
    ),
    (
        "grad-cam++",
        "Several objects of one class in a picture.",
        "Its powers of the gradient stand for derivatives of exp(y), not of the score; before a ReLU its weights can turn meaningless (camtui says so).",
    ),
    (
        "hires-cam",
        "A layer above the last, where Grad-CAM's averaging blurs: it shows what the rest of the network, taken as linear, adds up.",
        "Speckled at shallow layers; at the pooled layer it is Grad-CAM.",
    ),
    (
        "xgrad-cam",
        "Beside Grad-CAM, when weights should follow the activations' share.",
        "Divides by sums of activations, which nearly cancel before a ReLU (camtui says so).",
    ),
    (
        "elementwise-cam",
        "What speaks for the class, place by place, without what speaks against.",
        "What cancels out in the score stays in the map: it claims more than the score has.",
    ),
    (
        "layer-cam",
        "Shallow layers: fine outlines where Grad-CAM has noise.",
        "Keeps positive gradients only, so it follows edges whether or not they decided anything.",
    ),
    (
        "cam",
        "Networks that end in pooling and one linear layer: exact, and needs no gradient.",
        "Other networks have none; camtui refuses.",
    ),
    (
        "finer-cam",
        "Look-alikes: what tells a class from those nearest to it.",
        "Where no class is near it explains differences that nobody asked about.",
    ),
    (
        "shapley-cam",
        "Beside Grad-CAM where the head is curved, as with a softmax.",
        "The curvature is a difference of gradients; at ReLU networks it is nearly Grad-CAM.",
    ),
    (
        "eigen-cam",
        "What the layer sees at all, when gradients cannot be had.",
        "Does not depend on the class: the largest thing wins, right or wrong.",
    ),
    (
        "eigen-grad-cam",
        "A clean picture of the class: the main component of activations times gradients.",
        "One component is not the sum: what is left out may have decided.",
    ),
    ("fem", "A quick look at what is strongly active, without gradients.", "Does not depend on the class."),
    (
        "dff",
        "What parts the layer tells apart: several concepts, one map each.",
        "Concepts are named by nobody, and depend on their number and on the seed.",
    ),
    (
        "ablation-cam",
        "Where gradients saturate: what the score loses without a channel.",
        "Channels are taken away one at a time: what two do together is counted to neither.",
    ),
    (
        "recipro-cam",
        "Networks without gradients: what the score is when only one place is seen.",
        "One place alone is nothing the network has learned from.",
    ),
    (
        "score-cam",
        "Gradient-free, and judged by the network itself on masked pictures.",
        "Masked pictures are not photographs; hundreds of passes.",
    ),
    ("ss-cam", "Score-CAM with less noise.", "Slower still, and smoother than what the network sees."),
    ("is-cam", "Score-CAM averaged over the strength of the mask.", "Slower still; as Score-CAM."),
    (
        "occlusion",
        "Any model that can be run: the plainest question there is.",
        "Answers depend on the patch and on what fills it; two copies of an object hide each other's importance.",
    ),
    (
        "rise",
        "Any model that can be run, without squares in the map.",
        "Thousands of passes, and noise that falls slowly; strong everywhere when the class is certain.",
    ),
    (
        "lime",
        "Which regions, in a handful of words: superpixels with signs.",
        "Another seed gives another map; a linear model of a network that is not linear.",
    ),
    (
        "kernel-shap",
        "Regions with shares that add up to the score.",
        "As far from photographs as LIME's pictures; few samples leave noise.",
    ),
    (
        "saliency",
        "Single pixels: where the score is most easily moved.",
        "Shows sensitivity, not what the score is made of; noisy.",
    ),
    (
        "input-x-gradient",
        "Pixels with signs, exact for a network without biases.",
        "Dark pixels count for nothing, as the input is multiplied.",
    ),
    (
        "smooth-grad",
        "Saliency that can be looked at.",
        "What is averaged away may be real; the noise level decides.",
    ),
    (
        "integrated-gradients",
        "Pixels with shares that add up to the score, against a baseline.",
        "The baseline decides what counts as nothing; camtui tells how far the sum is off.",
    ),
    (
        "guided-backprop",
        "Sharp outlines, for a figure beside another map.",
        "Nearly the same for every class and for a network that has learned nothing: an edge detector.",
    ),
    (
        "guided-grad-cam",
        "Sharp outlines where Grad-CAM looks.",
        "The outlines are those of guided backpropagation, and as little the class's.",
    ),
    (
        "full-grad",
        "All that the score is made of, biases included, over all layers.",
        "Absolute values: what speaks against the class is counted as for it.",
    ),
    (
        "random-cam",
        "To compare with: what a map looks like that knows nothing of the class.",
        "Always; that is its purpose.",
    ),
];
