//! The figures aimed at, held against those that were measured.

use super::figures::{CAMTUI, EXPORTED, FORWARD, Figures, GRAD_CAM};
use super::rows::{Network, Row};

/// One figure aimed at: what camtui takes, in a unit or in parts of what somebody else takes for another row.
struct Aim {
    what: &'static str,
    row: Row,
    network: Network,
    than: Than,
}

enum Than {
    /// At most this, in the row's unit.
    Most(f64),
    /// At most this for each that there is a figure of.
    Each(f64),
    /// At most so many times what that program takes in that row.
    Times(f64, Row, &'static str),
    /// At least so many times quicker than that program in the same row.
    Quicker(f64, &'static str),
    /// At least so much of the work of as many single threads.
    Efficient(f64),
}

const AIMS: &[Aim] = &[
    Aim {
        what: "Grad-CAM to ONNX Runtime's forward alone",
        row: Row::GradCam,
        network: Network::Resnet18,
        than: Than::Times(0.85, Row::GradCam, FORWARD),
    },
    Aim {
        what: "Grad-CAM to ONNX Runtime's forward alone",
        row: Row::GradCam,
        network: Network::Resnet50,
        than: Than::Times(1.0, Row::GradCam, FORWARD),
    },
    Aim {
        what: "Grad-CAM to ONNX Runtime's forward alone",
        row: Row::GradCam,
        network: Network::EfficientnetLite0,
        than: Than::Times(1.2, Row::GradCam, FORWARD),
    },
    Aim {
        what: "Grad-CAM to ONNX Runtime's forward alone",
        row: Row::GradCam,
        network: Network::MobilenetV2,
        than: Than::Times(1.2, Row::GradCam, FORWARD),
    },
    Aim {
        what: "Grad-CAM, times quicker than pytorch-grad-cam",
        row: Row::GradCam,
        network: Network::Resnet18,
        than: Than::Quicker(6.0, GRAD_CAM),
    },
    Aim {
        what: "gradient to the picture to ONNX Runtime on the same graph",
        row: Row::ImageGradient,
        network: Network::Resnet18,
        than: Than::Times(1.0, Row::ImageGradient, EXPORTED),
    },
    Aim {
        what: "a folder, times quicker than pytorch-grad-cam with batches of 8",
        row: Row::Folder,
        network: Network::Resnet18,
        than: Than::Quicker(4.5, GRAD_CAM),
    },
    Aim {
        what: "a folder, efficiency of the threads, %",
        row: Row::Folder,
        network: Network::Resnet18,
        than: Than::Efficient(0.9),
    },
    Aim {
        what: "Score-CAM, times quicker than pytorch-grad-cam",
        row: Row::ScoreCam,
        network: Network::Resnet18,
        than: Than::Quicker(1.0, GRAD_CAM),
    },
    Aim { what: "Score-CAM, ms", row: Row::ScoreCam, network: Network::Resnet18, than: Than::Most(4000.0) },
    Aim {
        what: "Ablation-CAM, ms",
        row: Row::AblationCam,
        network: Network::Resnet18,
        than: Than::Most(100.0),
    },
    Aim { what: "Recipro-CAM, ms", row: Row::ReciproCam, network: Network::Resnet18, than: Than::Most(50.0) },
    Aim {
        what: "memory with any explainer, MB",
        row: Row::Memory,
        network: Network::Resnet18,
        than: Than::Each(300.0),
    },
    Aim {
        what: "another class, ms",
        row: Row::AnotherClass,
        network: Network::Resnet18,
        than: Than::Most(3.0),
    },
    Aim { what: "start to PNG, ms", row: Row::Start, network: Network::Resnet18, than: Than::Most(200.0) },
    Aim {
        what: "memory of that, MB",
        row: Row::StartMemory,
        network: Network::Resnet18,
        than: Than::Most(120.0),
    },
    Aim { what: "start to PNG, ms", row: Row::Start, network: Network::Embedded, than: Than::Most(120.0) },
];

/// One line of the table.
pub struct Verdict {
    pub what: &'static str,
    pub network: Network,
    /// `≤ 0.85`.
    pub aimed_at: String,
    /// A cell for each number of threads: value and verdict, or `–`.
    pub cells: Vec<String>,
}

/// All aims of which there is any figure.
pub fn verdicts(figures: &Figures, threads: &[usize]) -> Vec<Verdict> {
    let of = |aim: &Aim| {
        let values: Vec<Option<f64>> = threads.iter().map(|threads| aim.value(figures, *threads)).collect();
        let cell = |value: &Option<f64>| match value {
            Some(value) => {
                let verdict = if aim.is_met(*value) { "met" } else { "**missed**" };
                format!("{} {verdict}", aim.text(*value))
            }
            None => "–".to_owned(),
        };
        let some = values.iter().any(Option::is_some);
        some.then(|| Verdict {
            what: aim.what,
            network: aim.network,
            aimed_at: aim.aimed_at(),
            cells: values.iter().map(cell).collect(),
        })
    };
    AIMS.iter().filter_map(of).collect()
}

impl Aim {
    fn value(&self, figures: &Figures, threads: usize) -> Option<f64> {
        let median = |row, threads, who| figures.median(row, self.network, threads, who);
        if let Than::Each(_) = self.than {
            return figures.greatest(self.row, self.network, threads);
        }
        let own = median(self.row, threads, CAMTUI)?;
        Some(match self.than {
            Than::Most(_) | Than::Each(_) => own,
            Than::Times(_, row, who) => own / median(row, threads, who)?,
            Than::Quicker(_, who) => median(self.row, threads, who)? / own,
            Than::Efficient(_) if threads > 1 => median(self.row, 1, CAMTUI)? / own / threads as f64,
            Than::Efficient(_) => return None,
        })
    }

    fn is_met(&self, value: f64) -> bool {
        match self.than {
            Than::Most(most) | Than::Each(most) | Than::Times(most, ..) => value <= most,
            Than::Quicker(least, _) | Than::Efficient(least) => value >= least,
        }
    }

    fn text(&self, value: f64) -> String {
        match self.than {
            Than::Most(most) if most < 10.0 => format!("{value:.2}"),
            Than::Most(_) | Than::Each(_) => format!("{value:.0}"),
            Than::Efficient(_) => format!("{:.0}", 100.0 * value),
            Than::Times(..) => format!("{value:.2}"),
            Than::Quicker(..) => format!("{value:.1}"),
        }
    }

    fn aimed_at(&self) -> String {
        match self.than {
            Than::Most(most) | Than::Each(most) => format!("≤ {most}"),
            Than::Times(most, ..) => format!("≤ {most:.2}"),
            Than::Quicker(least, _) => format!("≥ {least}"),
            Than::Efficient(least) => format!("≥ {:.0}", 100.0 * least),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(all: &[(Row, usize, &str, f64)]) -> Figures {
        let mut figures = Figures::default();
        for (row, threads, who, value) in all {
            figures.add(*row, Network::Resnet18, *threads, who, [*value].into_iter().collect());
        }
        figures
    }

    fn cells(figures: &Figures, what: &str) -> Vec<String> {
        let all = verdicts(figures, &[1, 2]);
        all.into_iter().find(|verdict| verdict.what.starts_with(what)).expect("an aim of that name").cells
    }

    #[test]
    fn what_is_slower_than_aimed_at_is_missed() {
        let found = figures(&[
            (Row::GradCam, 1, CAMTUI, 8.0),
            (Row::GradCam, 1, "ONNX Runtime, forward alone", 10.0),
            (Row::GradCam, 2, CAMTUI, 9.0),
            (Row::GradCam, 2, "ONNX Runtime, forward alone", 10.0),
            (Row::GradCam, 2, "pytorch-grad-cam", 53.0),
            (Row::AnotherClass, 1, CAMTUI, 2.5),
            (Row::AnotherClass, 2, CAMTUI, 3.5),
        ]);
        assert_eq!(cells(&found, "Grad-CAM to"), ["0.80 met", "0.90 **missed**"]);
        assert_eq!(cells(&found, "Grad-CAM, times"), ["–", "5.9 **missed**"]);
        assert_eq!(cells(&found, "another class"), ["2.50 met", "3.50 **missed**"]);
    }

    #[test]
    fn one_that_takes_too_much_is_enough_to_miss() {
        let found = figures(&[(Row::Memory, 2, "grad-cam", 120.0), (Row::Memory, 2, "saliency", 310.0)]);
        assert_eq!(cells(&found, "memory with any"), ["–", "310 **missed**"]);
    }

    #[test]
    fn two_threads_that_do_the_work_of_two_are_efficient() {
        let found = figures(&[(Row::Folder, 1, CAMTUI, 10.0), (Row::Folder, 2, CAMTUI, 5.2)]);
        assert_eq!(cells(&found, "a folder, efficiency"), ["–", "96 met"]);
        let found = figures(&[(Row::Folder, 1, CAMTUI, 10.0), (Row::Folder, 2, CAMTUI, 7.0)]);
        assert_eq!(cells(&found, "a folder, efficiency"), ["–", "71 **missed**"]);
    }
}
