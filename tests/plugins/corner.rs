//! A library that is rebuilt while it is used: `--cfg` makes its later versions.

use camtui_plugin::{Description, Error, Explainer, Map, Param, Params, Session};

struct Corner;

const ID: &str = if cfg!(renamed) { "other-corner" } else { "corner" };
const VERSION: &str = if cfg!(second) { "2.0.0" } else { "1.0.0" };

impl Explainer for Corner {
    fn describe() -> Description {
        if cfg!(aborts) {
            std::process::abort();
        }
        Description::new(ID, "Corner").version(VERSION).param(Param::int("size", 2).range(1..=4))
    }

    fn explain(&self, _: &Session<'_>, params: &Params<'_>) -> Result<Map, Error> {
        let size = params.int("size")? as usize;
        let is_hot = |at: usize| {
            let (row, column) = (at / 8, at % 8);
            if cfg!(second) { row >= 8 - size && column >= 8 - size } else { row < size && column < size }
        };
        Ok(Map::new(8, 8, (0..64).map(|at| f32::from(u8::from(is_hot(at)))).collect()))
    }
}

camtui_plugin::export!(Corner);
