//! A convolution's numbers: as the model has them, and as the kernels want them.

mod form;
mod prepare;
mod prepared;
mod shelf;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

pub(crate) use form::{Channels, Form, panels};
pub(crate) use prepared::Prepared;
pub use shelf::Shelf;

use crate::ConvError;
use prepare::Kernels;

/// Numbers that somebody else may own: a `Vec<f32>`, or anything shared that shows itself as a slice.
#[derive(Clone)]
pub struct Values {
    owner: Arc<dyn AsRef<[f32]> + Send + Sync>,
    len: usize,
    name: Option<Arc<str>>,
}

impl Values {
    /// Numbers that stay where they are, such as a tensor's or a mapped file's.
    pub fn shared(owner: Arc<dyn AsRef<[f32]> + Send + Sync>) -> Self {
        let len = (*owner).as_ref().len();
        Values { owner, len, name: None }
    }

    /// The same of an owner that makes its numbers when it is first asked for them, and will then have this many.
    pub fn made_when_read(owner: Arc<dyn AsRef<[f32]> + Send + Sync>, len: usize) -> Self {
        Values { owner, len, name: None }
    }

    /// The numbers.
    pub fn as_slice(&self) -> &[f32] {
        let numbers = (*self.owner).as_ref();
        assert_eq!(numbers.len(), self.len, "an owner has as many numbers as it said");
        numbers
    }

    /// The name they were given.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The same, with a name of one line that no other numbers on the same [`Shelf`] have.
    #[must_use]
    pub fn called(self, name: &str) -> Self {
        Values { name: Some(name.into()), ..self }
    }
}

impl From<Vec<f32>> for Values {
    fn from(numbers: Vec<f32>) -> Self {
        Values::shared(Arc::new(numbers))
    }
}

/// The kernel of a convolution and its bias. A clone is the same weights; programs that hold it share what is made
/// from it.
#[derive(Clone)]
pub struct Weights(Arc<Kernel>);

struct Kernel {
    dims: [usize; 4],
    bias: Option<Vec<f32>>,
    /// Of the numbers, factors included.
    name: Option<Arc<str>>,
    shelf: OnceLock<Arc<Shelf>>,
    held: Mutex<Held>,
}

impl Kernel {
    fn new(dims: [usize; 4], source: Source, bias: Option<Vec<f32>>) -> Self {
        let name = source.name();
        let held = Mutex::new(Held { numbers: Some(source), forms: HashMap::new() });
        Kernel { dims, bias, name, shelf: OnceLock::new(), held }
    }

    /// The shelf, and under which key a form of the numbers is there.
    fn shelved(&self, form: &Form) -> Option<(&Shelf, String)> {
        let (shelf, name) = (self.shelf.get()?, self.name.as_deref()?);
        Some((shelf, format!("{name} {:?} {form:?}", self.dims)))
    }
}

/// A kernel's numbers, at least once. In their own order until a form is made that holds all of them as they are: most
/// networks are as large as their weights, and nobody needs these twice.
struct Held {
    numbers: Option<Source>,
    forms: HashMap<Form, Prepared>,
}

/// Numbers, each to be multiplied with its kernel's factor: when they are read, so that what belongs to somebody else is not
/// copied before its place is known.
#[derive(Clone)]
struct Source {
    numbers: Values,
    factors: Option<Arc<Vec<f32>>>,
}

impl Source {
    fn kernels(&self, size: usize) -> Kernels<'_> {
        Kernels {
            numbers: self.numbers.as_slice(),
            factors: self.factors.as_ref().map(|f| f.as_slice()),
            size,
        }
    }

    /// Of the products.
    fn name(&self) -> Option<Arc<str>> {
        let name = self.numbers.name.as_ref()?;
        let Some(factors) = &self.factors else { return Some(Arc::clone(name)) };
        Some(named_product(name, factors))
    }

    fn scaled(&self, taps: usize) -> Values {
        let Some(factors) = &self.factors else { return self.numbers.clone() };
        multiplied(self.numbers.as_slice(), factors, taps).into()
    }
}

/// The name of named numbers times factors.
fn named_product(name: &str, factors: &[f32]) -> Arc<str> {
    format!("{name}*{:08x}", shelf::checksum(factors)).into()
}

/// The numbers of each kernel, `taps` of them, times its factor.
fn multiplied(numbers: &[f32], factors: &[f32], taps: usize) -> Vec<f32> {
    let mut products = Vec::with_capacity(numbers.len());
    if taps == 1 {
        products.extend(numbers.iter().zip(factors).map(|(number, factor)| number * factor));
    } else {
        for (kernel, factor) in numbers.chunks_exact(taps).zip(factors) {
            products.extend(kernel.iter().map(|number| number * factor));
        }
    }
    products
}

impl Held {
    fn numbers(&self, dims: [usize; 4]) -> Values {
        let scaled = self.numbers.as_ref().map(|source| source.scaled(dims[2] * dims[3]));
        let from_form = || self.forms.iter().find_map(|(form, made)| form.restore(dims, made.numbers()));
        scaled
            .or_else(|| from_form().map(Values::from))
            .expect("the numbers are held in one order or another")
    }
}

impl Held {
    fn prepare(&self, dims: [usize; 4], form: &Form) -> Prepared {
        let size = dims[2] * dims[3];
        Prepared::new(if let Some(source) = &self.numbers {
            form.prepare(dims, &source.kernels(size))
        } else {
            let numbers = self.numbers(dims);
            form.prepare(dims, &Kernels { numbers: numbers.as_slice(), factors: None, size })
        })
    }
}

impl Weights {
    /// `numbers` in the order `[out, in / groups, height, width]` that `dims` gives, and one bias per output channel
    /// of the convolution that will use it (of the *transposed* convolution, where it is used for one).
    pub fn new(
        dims: [usize; 4],
        numbers: impl Into<Values>,
        bias: Option<Vec<f32>>,
    ) -> Result<Self, ConvError> {
        let numbers = numbers.into();
        let count = dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        if count != Some(numbers.len) || count == Some(0) {
            return Err(ConvError::Weights(format!(
                "{} numbers do not fill the shape {dims:?}",
                numbers.len
            )));
        }
        Ok(Weights(Arc::new(Kernel::new(dims, Source { numbers, factors: None }, bias))))
    }

    /// `[out, in / groups, height, width]`.
    pub fn dims(&self) -> [usize; 4] {
        self.0.dims
    }

    /// The numbers' name, if they were [given one](Values::called): of scaled ones, one that tells the factors, too.
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The kernel's numbers, in the order of [`dims`](Self::dims): put back into it where only a program's form of them is
    /// left.
    pub fn numbers(&self) -> Values {
        self.held().numbers(self.dims())
    }

    /// About `count` of the numbers, evenly spread, which are quicker to have than all: always the same ones.
    pub fn sample(&self, count: usize) -> Vec<f32> {
        let taps = self.dims()[2] * self.dims()[3];
        let spread = |numbers: &[f32]| (0..numbers.len()).step_by((numbers.len() / count.max(1)).max(1));
        let held = self.held();
        let Some(Source { numbers, factors }) = &held.numbers else {
            let numbers = held.numbers(self.dims());
            return spread(numbers.as_slice()).map(|at| numbers.as_slice()[at]).collect();
        };
        let scaled = |at: usize| numbers.as_slice()[at] * factors.as_ref().map_or(1.0, |f| f[at / taps]);
        spread(numbers.as_slice()).map(scaled).collect()
    }

    /// The same numbers with those of each of the out × in kernels times its factor, and another bias.
    pub fn scaled(&self, factors: Vec<f32>, bias: Option<Vec<f32>>) -> Result<Self, ConvError> {
        let [outer, inner, height, width] = self.dims();
        if factors.len() != outer * inner {
            return Err(ConvError::Weights(format!(
                "{} factors for {} kernels",
                factors.len(),
                outer * inner
            )));
        }
        let source = self.held().numbers.clone();
        let Some(mut source) = source.filter(|_| height * width > 1) else {
            let numbers = self.numbers();
            let mut scaled: Values = multiplied(numbers.as_slice(), &factors, height * width).into();
            scaled.name = self.name().map(|name| named_product(name, &factors));
            return Self::new(self.dims(), scaled, bias);
        };
        let product = match &source.factors {
            Some(before) => before.iter().zip(&factors).map(|(before, factor)| before * factor).collect(),
            None => factors,
        };
        source.factors = Some(Arc::new(product));
        Ok(Weights(Arc::new(Kernel::new(self.dims(), source, bias))))
    }

    /// One number per output channel, if there is a bias.
    pub fn bias(&self) -> Option<&[f32]> {
        self.0.bias.as_deref()
    }

    /// Has prepared forms looked for on that shelf, and left there, if the numbers have a name. The first shelf is kept.
    pub fn keep_on(&self, shelf: &Arc<Shelf>) {
        self.0.shelf.get_or_init(|| Arc::clone(shelf));
    }

    /// The numbers in the form that a kernel wants, found or made at the first call.
    pub(crate) fn in_form(&self, form: &Form) -> Prepared {
        let mut held = self.held();
        if let Some(prepared) = held.forms.get(form) {
            return prepared.clone();
        }
        let shelved = self.0.shelved(form);
        let len = form.len(self.dims()).expect("a form of numbers that fit into memory does so too");
        let found = shelved.as_ref().and_then(|(shelf, key)| shelf.get(key, len));
        let prepared = found.unwrap_or_else(|| {
            let prepared = held.prepare(self.dims(), form);
            if let Some((shelf, key)) = shelved {
                shelf.put(key, prepared.clone());
            }
            prepared
        });
        held.forms.insert(form.clone(), prepared.clone());
        if form.holds_all(self.dims()) {
            held.numbers = None;
        }
        prepared
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // A thread that died while it prepared has left all as it was.
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
