//! What a test sets a parameter to.

/// The value of a parameter, made from a `bool`, a whole number, a number or a text.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// Of a [`Param::bool`](crate::Param::bool).
    Bool(bool),
    /// Of a [`Param::int`](crate::Param::int).
    Int(i64),
    /// Of a [`Param::float`](crate::Param::float).
    Float(f64),
    /// Of a [`Param::choice`](crate::Param::choice) or a [`Param::text`](crate::Param::text).
    Text(String),
}

impl From<bool> for Setting {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i32> for Setting {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<i64> for Setting {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Setting {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Setting {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}
