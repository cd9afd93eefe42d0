//! When a system call is allowed. Only integer arguments can be looked at, never what a pointer
//! points to: another thread could change it after the look.
//!
//! The kernel takes the arguments in question as 32 bits, so the upper halves are not compared.

use seccompiler::{BackendError, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule};

/// Which arguments are accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum When {
    Always,
    /// The argument of this number has one of the values.
    OneOf(u8, &'static [u32]),
    /// All tests of one of the alternatives pass.
    Any(&'static [&'static [Test]]),
}

/// A look at one argument.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Test {
    argument: u8,
    is: Is,
}

#[derive(Clone, Copy, Debug)]
enum Is {
    Equal(u32),
    Not(u32),
    Masked { mask: u32, value: u32 },
}

pub(super) const fn equal(argument: u8, value: u32) -> Test {
    Test { argument, is: Is::Equal(value) }
}

pub(super) const fn not(argument: u8, value: u32) -> Test {
    Test { argument, is: Is::Not(value) }
}

/// The bits of `mask` are those of `value`.
pub(super) const fn masked(argument: u8, mask: u32, value: u32) -> Test {
    Test { argument, is: Is::Masked { mask, value } }
}

impl When {
    /// One rule for each alternative; none means always.
    pub(super) fn rules(self) -> Result<Vec<SeccompRule>, BackendError> {
        match self {
            Self::Always => Ok(Vec::new()),
            Self::OneOf(argument, values) => values.iter().map(|value| rule(&[equal(argument, *value)])).collect(),
            Self::Any(alternatives) => alternatives.iter().map(|tests| rule(tests)).collect(),
        }
    }
}

fn rule(tests: &[Test]) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(tests.iter().map(|test| test.condition()).collect::<Result<_, _>>()?)
}

impl Test {
    fn condition(self) -> Result<SeccompCondition, BackendError> {
        let (operator, value) = match self.is {
            Is::Equal(value) => (SeccompCmpOp::Eq, value),
            Is::Not(value) => (SeccompCmpOp::Ne, value),
            Is::Masked { mask, value } => (SeccompCmpOp::MaskedEq(mask.into()), value),
        };
        SeccompCondition::new(self.argument, SeccompCmpArgLen::Dword, operator, value.into())
    }
}
