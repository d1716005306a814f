//! A model that runs: tract, its plans, and one picture's session.
