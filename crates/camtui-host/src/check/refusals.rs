//! Networks that lack something, and one that is broken: an explainer that cannot go on says why.

use super::ask::{Obstacle, Question, Watched};
use super::network::{Lacks, Network};
use super::{State, Verdict, of, short};
use crate::{ExplainError, Explainer};

fn lacking() -> [Network; 6] {
    let network = |name| Network::new(name, [3, 12, 20], [5, 3, 4], 3);
    let none = Lacks::default();
    [
        network("without layers").lacking(Lacks { layers: true, ..none }),
        network("without a grid").lacking(Lacks { grid: true, ..none }),
        network("without gradients").lacking(Lacks { gradients: true, ..none }),
        network("without a linear head").lacking(Lacks { head: true, ..none }),
        network("without other runs").lacking(Lacks { runs: true, ..none }),
        network("without anything").lacking(Lacks {
            layers: true,
            grid: true,
            gradients: true,
            head: true,
            runs: true,
        }),
    ]
}

/// A map, or `CAMTUI_NOT_SUPPORTED` with a reason.
pub(super) fn refusals(state: &State, explainer: &Explainer) -> Verdict {
    let (mut refused, networks) = (0, lacking());
    for network in &networks {
        let question = Question::about(explainer, network);
        match question.ask(explainer) {
            Ok(_) => {}
            Err(error @ ExplainError::NotSupported { .. }) if error.says_why() => refused += 1,
            Err(error @ ExplainError::NotSupported { .. }) => {
                return Verdict::Fail(format!(
                    "{question}: {}; call sink->error with the reason",
                    short(&error.to_string())
                ));
            }
            Err(error) => {
                return Verdict::Fail(format!(
                    "{question}: {}; where a method cannot explain a model it answers CAMTUI_NOT_SUPPORTED with the reason \
                     (in Rust: Error::NotSupported)",
                    short(&error.to_string())
                ));
            }
        }
        (state.alive)();
    }
    Verdict::Pass(format!(
        "it refuses {} with a reason, and explains the others",
        of(refused, networks.len(), "model")
    ))
}

/// Every call fails: the explainer fails with a sentence, and gives no map of nothing.
pub(super) fn errors(_state: &State, explainer: &Explainer) -> Verdict {
    let needs = explainer.info().needs;
    let network = Network::new("broken", [3, 12, 20], [5, 3, 4], 3);
    let watched = Watched::behind(&network, Obstacle { broken: true, ..Obstacle::default() });
    match Question::about(explainer, &network).ask_through(explainer, &watched) {
        Ok(_) if needs.activations || needs.gradients || needs.forward => Verdict::Fail(
            "every call of the session failed, and it gave a map all the same: look at what the calls return"
                .into(),
        ),
        Ok(_) => Verdict::Pass("it asks nothing of the model".into()),
        Err(error) if error.says_why() => Verdict::Pass(short(&error.to_string())),
        Err(error) => Verdict::Fail(format!(
            "every call of the session failed, and {}; give sink->error the session's last_error",
            short(&error.to_string())
        )),
    }
}
