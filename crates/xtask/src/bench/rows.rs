//! What is measured, and on which networks: the rows of the page, by the names that `--only` takes.

use clap::ValueEnum;

/// One kind of figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Row {
    /// One picture after the other, from the input tensor to a map of its size
    GradCam,
    /// The same while another process keeps a core busy
    Loaded,
    /// The forward pass alone
    Forward,
    /// The gradient of the likeliest class down to the picture
    ImageGradient,
    /// The next class on the same picture
    AnotherClass,
    /// The next layer on the same picture
    AnotherLayer,
    /// One pass a channel
    ScoreCam,
    /// One channel after the other left out
    AblationCam,
    /// One place after the other left in
    ReciproCam,
    /// Random masks
    Rise,
    /// A folder of pictures, from files to files
    Folder,
    /// From the start of a process to a written picture
    Start,
    /// The most memory that such a process held
    StartMemory,
    /// The same by explainer
    Memory,
    /// Decoding the picture
    Decode,
    /// Resizing it to the model's input
    Resize,
    /// Drawing a map over it
    Overlay,
    /// Encoding that as PNG
    Encode,
    /// What a process of its own costs an explainer
    Isolation,
}

impl Row {
    /// The heading of its table.
    pub fn title(self) -> &'static str {
        match self {
            Self::GradCam => "Grad-CAM, one picture at a time",
            Self::Loaded => "Grad-CAM beside a process that keeps a core busy",
            Self::Forward => "The forward pass alone",
            Self::ImageGradient => "The gradient down to the picture",
            Self::AnotherClass => "Another class of the same picture",
            Self::AnotherLayer => "Another layer of the same picture",
            Self::ScoreCam => "Score-CAM",
            Self::AblationCam => "Ablation-CAM",
            Self::ReciproCam => "Recipro-CAM",
            Self::Rise => "RISE, 500 masks",
            Self::Folder => "A folder of pictures",
            Self::Start => "From the start of the process to a PNG",
            Self::StartMemory => "Memory of such a process",
            Self::Memory => "Memory by explainer",
            Self::Decode => "Decoding",
            Self::Resize => "Resizing to the model's input",
            Self::Overlay => "Drawing the map over the picture",
            Self::Encode => "Encoding as PNG",
            Self::Isolation => "An explainer in a process of its own",
        }
    }

    /// What its figures are, for the line under the heading.
    pub fn unit(self) -> &'static str {
        match self {
            Self::GradCam | Self::Loaded => "milliseconds from the input tensor to a map of the input's size",
            Self::Forward | Self::ImageGradient => "milliseconds",
            Self::AnotherClass => "milliseconds to the new map, the picture's first class explained before",
            Self::AnotherLayer => "milliseconds from `layer4`'s map to `layer3`'s",
            Self::ScoreCam | Self::AblationCam | Self::ReciproCam | Self::Rise => "milliseconds a map",
            Self::Folder => {
                "milliseconds a picture: decode, prepare, Grad-CAM, draw, write a PNG; the start left out"
            }
            Self::Start => "milliseconds; models converted or exported before",
            Self::StartMemory | Self::Memory => "MB resident at most",
            Self::Decode | Self::Resize | Self::Overlay | Self::Encode => {
                "milliseconds for the whole picture"
            }
            Self::Isolation => "milliseconds; activations and gradients at hand",
        }
    }

    /// Whether it runs no network at all, whatever it is measured beside.
    pub fn is_without_network(self) -> bool {
        matches!(self, Self::Decode | Self::Resize | Self::Overlay | Self::Encode)
    }

    /// Whether it is measured on this network; what takes long or says the same everywhere only on ResNet-18.
    pub fn is_for(self, network: Network) -> bool {
        let everywhere = matches!(
            self,
            Self::GradCam | Self::Forward | Self::ImageGradient | Self::AnotherClass | Self::Folder
        );
        let embedded = matches!(self, Self::Start | Self::StartMemory) && network == Network::Embedded;
        everywhere && network != Network::Embedded || embedded || network == Network::Resnet18
    }
}

/// A network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Network {
    /// ResNet-18
    Resnet18,
    /// ResNet-50
    Resnet50,
    /// EfficientNet-Lite0
    EfficientnetLite0,
    /// `MobileNetV2`
    MobilenetV2,
    /// The EfficientNet-Lite0 inside the program
    Embedded,
}

impl Network {
    /// Its name for the scripts.
    pub fn key(self) -> &'static str {
        match self {
            Self::Resnet18 => "resnet18",
            Self::Resnet50 => "resnet50",
            Self::EfficientnetLite0 => "efficientnet_lite0",
            Self::MobilenetV2 => "mobilenet_v2",
            Self::Embedded => "embedded",
        }
    }

    /// Its name in the tables.
    pub fn title(self) -> &'static str {
        match self {
            Self::Resnet18 => "ResNet-18",
            Self::Resnet50 => "ResNet-50",
            Self::EfficientnetLite0 => "EfficientNet-Lite0",
            Self::MobilenetV2 => "MobileNetV2",
            Self::Embedded => "embedded EfficientNet-Lite0",
        }
    }

    /// The last layer with spatial extent, which is explained; PyTorch and camtui call it the same.
    pub fn layer(self) -> &'static str {
        match self {
            Self::Resnet18 | Self::Resnet50 => "layer4",
            Self::EfficientnetLite0 => "bn2",
            Self::Embedded => "features",
            Self::MobilenetV2 => "features.18",
        }
    }
}
