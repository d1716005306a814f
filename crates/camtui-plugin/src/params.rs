//! The values of a call's parameters, by key.

use crate::{Error, abi};

/// The values of a call's parameters: checked, in range, defaults filled in. A key that was not described is an
/// [`Error`].
#[derive(Clone, Copy, Debug)]
pub struct Params<'a> {
    keys: &'a [String],
    values: &'a [*const abi::Value],
}

impl<'a> Params<'a> {
    /// # Safety
    ///
    /// `values` are as the header says: one a described key, and alive during `'a`.
    pub(crate) unsafe fn new(keys: &'a [String], values: &'a [*const abi::Value]) -> Self {
        Self { keys, values }
    }

    /// A [`Param::bool`](crate::Param::bool).
    pub fn bool(&self, key: &str) -> Result<bool, Error> {
        Ok(self.value(key, abi::PARAM_BOOL)?.integer != 0)
    }

    /// A [`Param::int`](crate::Param::int).
    pub fn int(&self, key: &str) -> Result<i64, Error> {
        Ok(self.value(key, abi::PARAM_INT)?.integer)
    }

    /// A [`Param::float`](crate::Param::float).
    pub fn float(&self, key: &str) -> Result<f64, Error> {
        Ok(self.value(key, abi::PARAM_FLOAT)?.number)
    }

    /// The word of a [`Param::choice`](crate::Param::choice).
    pub fn choice(&self, key: &str) -> Result<&'a str, Error> {
        self.string(key, abi::PARAM_CHOICE)
    }

    /// A [`Param::text`](crate::Param::text).
    pub fn text(&self, key: &str) -> Result<&'a str, Error> {
        self.string(key, abi::PARAM_STRING)
    }

    fn string(&self, key: &str, kind: u32) -> Result<&'a str, Error> {
        // SAFETY: the host's text lives as long as the values.
        let bytes: &'a [u8] = unsafe { self.value(key, kind)?.text.bytes() };
        std::str::from_utf8(bytes).map_err(|_| Error::new(format!("the value of `{key}` is not UTF-8")))
    }

    fn value(&self, key: &str, kind: u32) -> Result<&'a abi::Value, Error> {
        let value = self.keys.iter().position(|k| k == key).and_then(|at| self.values.get(at));
        let value =
            value.ok_or_else(|| Error::new(format!("this explainer describes no parameter `{key}`")))?;
        // SAFETY: null, or alive for `'a` as promised to `new`.
        let value = unsafe { value.as_ref() }.ok_or_else(|| Error::new(format!("`{key}` has no value")))?;
        if value.kind == kind {
            Ok(value)
        } else {
            Err(Error::new(format!("the parameter `{key}` is described as another type")))
        }
    }
}
