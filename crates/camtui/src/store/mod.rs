//! What camtui keeps on this machine: the user's folders, the models it knows by name, and how one gets here.
//!
//! `places` says where things live and is asked by everyone who reads or writes a file of ours; `catalogue` is
//! the list of models that have a name; `pull` brings one of them into the data folder, whole and checked, or
//! not at all; `listing` prints the catalogue with what is installed.

pub mod catalogue;
mod listing;
pub mod places;
pub mod pull;

pub use listing::list;
pub use places::Places;
pub use pull::{PullArgs, pull};
